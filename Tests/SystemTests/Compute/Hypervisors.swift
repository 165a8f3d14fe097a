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
        all.endGuests()
        // What is left of it harms nobody.
        try? FileManager.default.removeItem(atPath: folder)
        try result.get()
    }

    func uri(on host: String) -> String {
        "qemu+unix:///system?socket=\(folder)/\(host)/run/libvirt-sock"
    }

    private static let script = """
        set -e
        mkdir -p "$1"/run "$1"/lib "$1"/etc "$1"/cache
        chmod 711 "$1"
        cat >"$1/etc/qemu.conf" <<'END'
        stdio_handler = "file"
        user = "root"
        group = "root"
        security_driver = "none"
        namespaces = []
        cgroup_controllers = []
        END
        : >"$1/etc/libvirtd.conf"
        mount -t tmpfs none /run
        mkdir /run/libvirt /run/lock
        mkdir -p /var/lib/libvirt /etc/libvirt /var/cache/libvirt
        mount --bind "$1/run" /run/libvirt
        mount --bind "$1/lib" /var/lib/libvirt
        mount --bind "$1/etc" /etc/libvirt
        mount --bind "$1/cache" /var/cache/libvirt
        exec /usr/sbin/libvirtd -p "$1/run/pid" >>"$1/log" 2>&1
        """

    private func start(on host: String) throws {
        try system.machine(host).start(
            role: "libvirtd", "/usr/bin/unshare",
            ["-m", "--propagation", "private", "/bin/bash", "-c", Self.script, "libvirtd", "\(folder)/\(host)"])
    }

    /// QEMU outlives libvirtd, as it should.
    private func endGuests() {
        for host in system.topology.hosts.map(\.name.text) {
            let place = "\(folder)/\(host)/run/qemu"
            // Where no guest ever ran there is no such folder.
            for file in (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? [] where file.hasSuffix(".pid")
            {
                guard let text = try? String(contentsOfFile: "\(place)/\(file)", encoding: .utf8),
                    let pid = Int32(text.filter(\.isNumber)), pid > 1
                else { continue }
                kill(pid, SIGKILL)
            }
        }
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
