package import ArgumentParser

package enum OutputFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    case table, wide, json, yaml
    package var isTable: Bool { self == .table || self == .wide }
}

package struct OutputOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "How to print.")
    package var output: OutputFormat = .table

    package init() {}
}

/// The project of a kind that lives in one.
package struct ProjectOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "The project (default: KC_PROJECT, the configuration file, or 'default').")
    package var project: String?

    package init() {}
}

package struct WaitOptions: ParsableArguments {
    package static let defaultSeconds = 60

    @Option(
        help: ArgumentHelp(
            "Wait until it is as it shall be (a segment: wired; a host: up; a VM: running), \(defaultSeconds) s or as many as given: --wait or --wait=10.",
            valueName: "seconds"))
    package var wait: Int?

    package init() {}

    package func validate() throws {
        if let wait, wait < 1 { throw ValidationError("--wait needs at least 1 second") }
    }
}
