import FoundationEssentials
import Glibc
import LinuxProcesses
import NetworkModel
import NodePorts
import Synchronization
import Testing

/// A network namespace under /run/netns that ends with the test, and commands run in it.
final class TestNamespace: Sendable {
    let name: NamespaceName

    private static let count = Mutex(0)

    init() throws {
        let number = Self.count.withLock { count in
            count += 1
            return count
        }
        name = try #require(NamespaceName("kcdm\(getpid())-\(number)"))
        try command("/usr/sbin/ip", "netns", "add", name.text)
        try run("ip", "link", "set", "lo", "up")
    }

    deinit {
        do {
            try command("/usr/sbin/ip", "netns", "delete", name.text)
        } catch {
            Issue.record("cannot delete namespace \(name): \(error)")
        }
    }

    /// Runs a program in the namespace and gives its standard output.
    @discardableResult
    func run(_ words: String...) throws -> String { try run(words) }

    @discardableResult
    func run(_ words: [String]) throws -> String {
        try command("/usr/sbin/ip", ["netns", "exec", name.text] + words)
    }

    /// Whether the program ends with status 0.
    func succeeds(_ words: String...) -> Bool {
        do {
            try run(words)
            return true
        } catch {
            return false
        }
    }
}

struct CommandFailure: Error, CustomStringConvertible {
    let words: [String]
    let status: ProcessEnd
    let output: String
    var description: String { "\(words.joined(separator: " ")) \(status): \(output)" }
}

@discardableResult
func command(_ path: String, _ arguments: String...) throws -> String { try command(path, arguments) }

/// Runs a program to its end; its standard output, or a failure with that and its standard error.
@discardableResult
func command(_ path: String, _ arguments: [String]) throws -> String {
    let pipe = try Pipe()
    let pid = try ChildProcess.spawn(path, arguments, output: pipe.writing.raw, error: pipe.writing.raw)
    let reading = pipe.keepingReading()
    var output: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = read(reading.raw, &piece, piece.count)
        if count <= 0 { break }
        output += piece[..<count]
    }
    let status = ChildProcess.wait(pid)
    let text = String(decoding: output, as: UTF8.self)
    guard status == .exited(0) else { throw CommandFailure(words: [path] + arguments, status: status, output: text) }
    return text
}

/// Polls until the condition holds, for at most the given time.
func eventually(
    within limit: Duration = .seconds(10), _ condition: () async throws -> Bool,
    sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record("did not become true within \(limit)", sourceLocation: sourceLocation)
}
