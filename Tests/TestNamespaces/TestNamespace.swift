import Glibc
import LinuxProcesses
package import NetworkModel
import NodePorts
import Synchronization
import Testing

/// For tests alone. A network namespace under /run/netns that ends with the test, and commands run in it.
package final class TestNamespace: Sendable {
    package let name: NamespaceName

    private static let count = Mutex(0)

    /// Makes the namespace, with `lo` up.
    /// - Parameter prefix: at most 4 letters that say whose suite it is, for whoever finds it after a crash.
    package init(_ prefix: String) throws {
        let number = Self.count.withLock { count in
            count += 1
            return count
        }
        name = try #require(NamespaceName("\(prefix)\(getpid())-\(number)"))
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
    package func run(_ words: String...) throws -> String { try run(words) }

    /// The same with the words in an array.
    @discardableResult
    package func run(_ words: [String]) throws -> String {
        try command("/usr/sbin/ip", ["netns", "exec", name.text] + words)
    }

    /// Whether the program ends with status 0.
    package func succeeds(_ words: String...) -> Bool {
        do {
            try run(words)
            return true
        } catch {
            return false
        }
    }
}
