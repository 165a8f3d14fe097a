import Dispatch
import Foundation
import Resources

/// What a stock client made of one request.
struct Reply: Sendable {
    var status: Int
    /// Names in lower case.
    var headers: [String: String]
    var body: Data

    var json: JSONNode? { get throws { body.isEmpty ? nil : try JSONParser.parse(Array(body)) } }
    var text: String { String(decoding: body, as: UTF8.self) }

    /// A member, as text.
    func text(_ path: String...) -> String? {
        // A body that is no JSON has no members; the expectation on the text then fails and shows it.
        var node = try? json
        for name in path { node = node?[name] }
        return node.map { $0.string ?? String(decoding: $0.raw, as: UTF8.self) }
    }
}

/// curl over a Unix socket.
struct Curl: Sendable {
    var socket: String
    var headers: [String] = []

    func callAsFunction(
        _ method: String, _ path: String, _ body: String? = nil, data: Data? = nil, headers more: [String] = [],
        options: [String] = []
    ) async throws -> Reply {
        var arguments = ["-sS", "-i", "--max-time", "30", "-X", method, "--unix-socket", socket]
        for header in headers + more { arguments += ["-H", header] }
        let input = data ?? body.map { Data($0.utf8) }
        if input != nil { arguments += ["--data-binary", "@-", "-H", "Expect:"] }
        let output = try await run("/usr/bin/curl", arguments + options + ["http://localhost" + path], input: input)
        return Self.parse(output)
    }

    private static func parse(_ output: Data) -> Reply {
        var rest = output[...]
        var reply = Reply(status: 0, headers: [:], body: Data())
        while let end = rest.firstRange(of: Data("\r\n\r\n".utf8)) {
            let lines = String(decoding: rest[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
            let status = lines.first.flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int($0) } ?? 0
            rest = rest[end.upperBound...]
            guard status >= 200 else { continue }
            reply.status = status
            for line in lines.dropFirst() {
                let parts = line.split(separator: ":", maxSplits: 1)
                guard parts.count == 2 else { continue }
                reply.headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
            }
            break
        }
        reply.body = Data(rest)
        return reply
    }
}

/// Runs a program to its end, off the cooperative threads.
private func run(_ program: String, _ arguments: [String], input: Data?) async throws -> Data {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async {
            do {
                let process = Process()
                process.executableURL = URL(filePath: program)
                process.arguments = arguments
                let output = Pipe()
                let source = Pipe()
                process.standardOutput = output
                process.standardError = FileHandle.nullDevice
                process.standardInput = input == nil ? FileHandle.nullDevice : source
                try process.run()
                if let input {
                    DispatchQueue.global().async {
                        // A server that refuses reads no further: the answer says what is wrong.
                        try? source.fileHandleForWriting.write(contentsOf: input)
                        try? source.fileHandleForWriting.close()
                    }
                }
                let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
                process.waitUntilExit()
                continuation.resume(returning: bytes)
            } catch { continuation.resume(throwing: error) }
        }
    }
}
