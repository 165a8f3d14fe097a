import FoundationEssentials
import Glibc
import Laboratory
import Resources
import Testing
import Waiting

/// A libvirtd on each host of a laboratory, without systemd: with folders of its own where the machine's would be.
struct Hypervisors {
    let system: System
    let folder: String

    /// Runs `body` with libvirtd on all hosts; what it leaves running afterwards is ended.
    static func with(_ system: System, _ body: (Hypervisors) async throws -> Void) async throws {
        var template = Array("/tmp/kc-hypervisors-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        chmod(folder, 0o711)
        let all = Hypervisors(system: system, folder: folder)
        let result: Result<Void, any Error>
        do {
            for host in system.topology.hosts.map(\.name.text) { try all.start(on: host) }
            for host in system.topology.hosts.map(\.name.text) {
                try await system.eventually("libvirtd on \(host) answers") {
                    try await Command("/usr/bin/virsh", ["-c", all.uri(on: host), "uri"]).run().status == 0
                }
            }
            result = await Result { try await body(all) }
        } catch { result = .failure(error) }
        await all.endGuests()
        // What is left of it harms nobody.
        try? FileManager.default.removeItem(atPath: folder)
        try result.get()
    }

    func uri(on host: String) -> String {
        "qemu+unix:///system?socket=\(folder)/\(host)/run/libvirt-sock"
    }

    private static let program = "\(Checkout.root)/tools/private-libvirtd"

    private func start(on host: String) throws {
        try system.machine(host).start(
            role: "libvirtd", "/bin/bash", [Self.program, "\(folder)/\(host)"])
    }

    /// QEMU outlives libvirtd, as it should.
    private func endGuests() async {
        for host in system.topology.hosts.map(\.name.text) {
            // It ends what is still there; nothing may be.
            _ = try? await Command("/bin/bash", [Self.program, "--end", "\(folder)/\(host)"]).run()
        }
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
