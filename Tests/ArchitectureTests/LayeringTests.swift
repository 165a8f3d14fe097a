import FoundationEssentials
import Testing

/// Holds every import line of Sources against docs/layers.txt.
@Suite struct LayeringTests {
    struct Target {
        let layer: Int
        let name: String
        let allowed: Set<String>
    }

    static let standard: Set<String> = ["FoundationEssentials", "Glibc", "Synchronization", "Dispatch"]

    static let root = String(#filePath.dropLast("Tests/ArchitectureTests/LayeringTests.swift".count))

    static func text(_ path: String) throws -> String { try String(contentsOfFile: root + path, encoding: .utf8) }

    static func targets() throws -> [String: Target] {
        var targets: [String: Target] = [:]
        for line in try text("docs/layers.txt").split(separator: "\n") where !line.hasPrefix("#") {
            let fields = line.split(separator: "|", omittingEmptySubsequences: false).map { trimmed($0) }
            let layer = try #require(Int(fields[0]), "layers.txt: \(line)")
            #expect(fields.count == 4 && !fields[3].isEmpty, "layers.txt: \(line)")
            let allowed = fields[2].split(separator: " ").flatMap { $0 == "Std" ? Array(standard) : [String($0)] }
            targets[fields[1]] = Target(layer: layer, name: fields[1], allowed: Set(allowed))
        }
        return targets
    }

    /// The modules that a Swift source names in its import lines.
    static func imports(_ source: String) -> Set<String> {
        var modules: Set<String> = []
        for line in source.split(separator: "\n") {
            var words = line.split(separator: " ")[...]
            while let word = words.first,
                word.hasPrefix("@") || ["package", "public", "internal", "private", "fileprivate"].contains(word)
            {
                words = words.dropFirst()
            }
            guard words.first == "import" else { continue }
            words = words.dropFirst()
            if let word = words.first,
                ["struct", "class", "enum", "protocol", "func", "typealias", "var", "let"].contains(word)
            {
                words = words.dropFirst()
            }
            if let module = words.first { modules.insert(String(module.split(separator: ".")[0])) }
        }
        return modules
    }

    static func trimmed(_ text: some StringProtocol) -> String {
        String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }

    static func sources(of target: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: root + "Sources/" + target).filter {
            $0.hasSuffix(".swift")
        }
        .map { "Sources/\(target)/\($0)" }.sorted()
    }

    @Test func `every target has a line and every line a target`() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: Self.root + "Sources").filter {
            !$0.hasPrefix(".")
        }
        #expect(Set(folders) == Set(try Self.targets().keys))
    }

    @Test func `imports stay within what docs/layers.txt allows`() throws {
        let targets = try Self.targets()
        for target in targets.values where !target.allowed.contains("*") {
            for path in try Self.sources(of: target.name) {
                let foreign = Self.imports(try Self.text(path)).subtracting(target.allowed)
                #expect(
                    foreign.isEmpty,
                    "\(path) imports \(foreign.sorted()), which docs/layers.txt does not allow \(target.name)")
            }
        }
    }

    @Test func `arrows only point down, and adapters and services stay apart`() throws {
        let targets = try Self.targets()
        for target in targets.values {
            for name in target.allowed {
                guard let below = targets[name] else { continue }
                #expect(below.layer <= target.layer, "\(target.name) may import \(name), which lies above it")
                if target.layer == 6 {
                    #expect(below.layer != 5, "the service \(target.name) may import the adapter \(name)")
                }
                if target.layer == 5, below.layer == 5 {
                    // System libraries, and the threads and child processes that adapters stand on.
                    let isFoundation = name.hasPrefix("C") || name == "LinuxProcesses"
                    #expect(isFoundation, "the adapter \(target.name) may import the adapter \(name)")
                }
            }
        }
    }

    @Test func `pure layers never await, log or read a clock`() throws {
        let impure = [
            "await ", " async ", "Logger(", "ContinuousClock", "Date()", ".random(", "UUID()",
            "SystemRandomNumberGenerator",
        ]
        for target in try Self.targets().values where target.layer <= 3 {
            for path in try Self.sources(of: target.name) {
                for (number, line) in try Self.text(path).split(separator: "\n", omittingEmptySubsequences: false)
                    .enumerated()
                {
                    let code = line.split(separator: "//", maxSplits: 1, omittingEmptySubsequences: false).first ?? ""
                    for word in impure where code.contains(word) {
                        Issue.record("\(path):\(number + 1) has '\(word)' in a pure layer")
                    }
                }
            }
        }
    }

    @Test func `only kc-nft sees libnftables`() throws {
        for target in try Self.targets().values where target.name != "kc-nft" {
            #expect(!target.allowed.contains("CNftables"), "\(target.name) may import CNftables")
            for path in try Self.sources(of: target.name) {
                #expect(!Self.imports(try Self.text(path)).contains("CNftables"), "\(path) imports CNftables")
            }
        }
    }

    @Test func `programs are thin and no file is too long to hold in the head`() throws {
        for target in try Self.targets().values {
            for path in try Self.sources(of: target.name) {
                let lines = try Self.text(path).split(separator: "\n", omittingEmptySubsequences: false).count
                #expect(lines <= (target.layer == 7 ? 200 : 500), "\(path) has \(lines) lines")
            }
        }
    }

    @Test func `the scanner sees every way to write an import`() {
        let source = """
            import A
            package import B
            @preconcurrency import C
            @testable internal import struct D.E
            // import F
            let x = "import G"
            """
        #expect(Self.imports(source) == ["A", "B", "C", "D"])
    }
}
