import ArgumentParser

enum OutputFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    case table, wide, json, yaml
    var isTable: Bool { self == .table || self == .wide }
}

struct OutputOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "How to print.")
    var output: OutputFormat = .table
}

/// The project of a kind that lives in one.
struct ProjectOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "The project (default: KC_PROJECT, the configuration file, or 'default').")
    var project: String?
}

struct WaitOptions: ParsableArguments {
    static let defaultSeconds = 60

    @Option(
        help: ArgumentHelp(
            "Wait until it is wired (a host: up), \(defaultSeconds) s or as many as given: --wait or --wait=10.",
            valueName: "seconds"))
    var wait: Int?

    func validate() throws {
        if let wait, wait < 1 { throw ValidationError("--wait needs at least 1 second") }
    }
}
