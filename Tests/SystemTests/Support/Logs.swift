import FoundationEssentials
import Laboratory
import Resources

/// What the daemons of a laboratory print.
struct Logs {
    let laboratory: Laboratory

    init(_ laboratory: Laboratory) { self.laboratory = laboratory }

    /// Lines of level warning and above that no part in `allowed` explains.
    ///
    /// In a laboratory that is being set up the agent may find the API not ready, which is no fault.
    func unexpected(allowing allowed: [String]) throws -> [String] {
        try files().flatMap { file in
            try lines(of: file).filter { line in
                [" warning ", " error ", " critical ", "Fatal error", "WARNING: ThreadSanitizer"].contains {
                    line.contains($0)
                } && !allowed.contains { line.contains($0) }
            }.map { "\(file.split(separator: "/").suffix(3).joined(separator: "/")): \($0)" }
        }
    }

    /// Copies all logs beside the build, for whoever looks into a failure, and prints their ends.
    func keep() throws {
        let folder = "\(Checkout.root)/.build/test-logs/\(laboratory.state.instance)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for file in try files() {
            let name = file.split(separator: "/").suffix(3).filter { $0 != "log" }.joined(separator: "-")
            try Data(contentsOf: URL(filePath: file)).write(to: URL(filePath: "\(folder)/\(name)"))
            print("--- \(folder)/\(name)")
            for line in try lines(of: file).suffix(8) { print(line) }
        }
    }

    private func files() throws -> [String] {
        var files: [String] = []
        for machine in laboratory.topology.machines {
            let folder = "\(laboratory.state.directory(of: machine))/log"
            guard FileManager.default.fileExists(atPath: folder) else { continue }
            files += try FileManager.default.contentsOfDirectory(atPath: folder)
                .filter { !$0.hasPrefix("ping") }.sorted().map { "\(folder)/\($0)" }
        }
        return files
    }

    private func lines(of file: String) throws -> [String] {
        String(decoding: try Data(contentsOf: URL(filePath: file)), as: UTF8.self)
            .split(separator: "\n").map(String.init)
    }
}
