import Dispatch
import Foundation
import Resources

/// What a stock client made of one request.
struct Reply: Sendable {
    var status: Int
    /// Names in lower case.
    var headers: [String: String]
    var body: String
    var exitCode: Int32

    var json: JSONNode? { get throws { body.isEmpty ? nil : try JSONParser.parse(Array(body.utf8)) } }

    func text(_ path: String...) -> String? {
        // A body that is no JSON has no members; the expectation on the text then fails and shows it.
        var node = try? json
        for name in path { node = node?[name] }
        return node.map { $0.string ?? String(decoding: $0.raw, as: UTF8.self) }
    }

    /// "in-use" of `urn:kc:problem:in-use`.
    var problem: String? { text("type").map { String($0.split(separator: ":").last ?? "") } }
}

/// Runs a program to its end, off the cooperative threads.
func run(_ program: String, _ arguments: [String], input: Data? = nil) async throws -> (code: Int32, output: String) {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async {
            do {
                let process = Process()
                process.executableURL = URL(filePath: program)
                process.arguments = arguments
                let output = Pipe()
                process.standardOutput = output
                process.standardError = FileHandle.nullDevice
                let source = Pipe()
                process.standardInput = input == nil ? FileHandle.nullDevice : source
                try process.run()
                if let input {
                    try source.fileHandleForWriting.write(contentsOf: input)
                    try source.fileHandleForWriting.close()
                }
                let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
                process.waitUntilExit()
                continuation.resume(returning: (process.terminationStatus, String(decoding: bytes, as: UTF8.self)))
            } catch { continuation.resume(throwing: error) }
        }
    }
}

/// The stock client: curl, over a Unix socket or to a URL.
struct Curl: Sendable {
    /// nil for TCP.
    var socket: String?
    var base = "http://localhost"
    var headers: [String] = []
    var options: [String] = []

    func callAsFunction(
        _ method: String, _ path: String, _ body: String? = nil, headers more: [String] = [], options: [String] = []
    ) async throws -> Reply {
        var arguments = ["-sS", "-i", "--max-time", "30", "-X", method]
        if let socket { arguments += ["--unix-socket", socket] }
        for header in headers + more { arguments += ["-H", header] }
        if let body { arguments += ["--data-binary", body] }
        arguments += self.options + options + [base + path]
        let (code, output) = try await run("/usr/bin/curl", arguments)
        return Self.parse(output, code)
    }

    static func parse(_ output: String, _ code: Int32) -> Reply {
        var rest = Substring(output)
        while true {
            guard let end = rest.range(of: "\r\n\r\n") else {
                return Reply(status: 0, headers: [:], body: String(rest), exitCode: code)
            }
            let lines = rest[..<end.lowerBound].split(separator: "\r\n")
            rest = rest[end.upperBound...]
            let status = lines.first.flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int($0) } ?? 0
            // An interim answer (100 Continue) goes before the real one.
            if status == 100 { continue }
            var headers: [String: String] = [:]
            for line in lines.dropFirst() {
                guard let colon = line.firstIndex(of: ":") else { continue }
                headers[line[..<colon].lowercased()] =
                    line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            }
            return Reply(status: status, headers: headers, body: String(rest), exitCode: code)
        }
    }
}
