import Glibc
package import LinuxProcesses
import NetworkModel
import Synchronization
package import TestNamespaces
import Testing
import Waiting

/// A libvirtd of the test's own, in a network namespace of its own and with folders of its own where the machine's would
/// be; it ends with the test, and so do the guests that it left.
package final class TestLibvirtd: Sendable {
    package let namespace: TestNamespace
    package let folder: String
    private let pid: Mutex<ProcessID?> = Mutex(nil)

    package var socket: String { folder + "/run/libvirt-sock" }
    package var uri: String { "qemu+unix:///system?socket=\(socket)" }

    package init() throws {
        namespace = try TestNamespace("kcl")
        var template = Array("/tmp/kc-libvirt-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        chmod(folder, 0o711)
        try start()
    }

    package func start() throws {
        let child = try ChildProcess.spawn(
            "/usr/sbin/ip",
            ["netns", "exec", namespace.name.text, "tools/private-libvirtd", folder])
        pid.withLock { $0 = child }
    }

    package func waitUntilUp() async throws {
        func answers() -> Bool {
            // An answer is all that matters here.
            (try? virsh("uri")) != nil
        }
        try await eventually("libvirtd answers", { log }, within: .seconds(20), { answers() })
    }

    package func send(_ signal: Int32) { pid.withLock { if let pid = $0 { Glibc.kill(pid, signal) } } }

    /// As the kernel does when memory runs out.
    package func kill() {
        guard let pid = pid.withLock({ $0.take() }) else { return }
        Glibc.kill(pid, SIGKILL)
        _ = ChildProcess.wait(pid)
        unlink(socket)
        unlink("\(folder)/run/pid")
    }

    @discardableResult
    package func virsh(_ words: String...) throws -> String {
        try command("/usr/bin/virsh", ["-q", "-c", uri] + words)
    }

    /// Of the QEMU that runs a domain; nil when none does.
    package func guest(_ name: String) -> ProcessID? {
        guard let file = fopen("\(folder)/run/qemu/\(name).pid", "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 32)
        guard fgets(&line, 32, file) != nil else { return nil }
        let text = String(decoding: line.map(UInt8.init(bitPattern:)).prefix { (48...57).contains($0) }, as: UTF8.self)
        guard let pid = ProcessID(text), Glibc.kill(pid, 0) == 0 else { return nil }
        return pid
    }

    package var log: String { (try? command("/usr/bin/tail", "-n", "20", "\(folder)/log")) ?? "" }

    deinit {
        kill()
        // It ends what is still there; nothing may be.
        _ = try? command("/bin/bash", "tools/private-libvirtd", "--end", folder)
        _ = try? command("/bin/rm", "-rf", folder)  // What is left of it harms nobody.
    }
}
