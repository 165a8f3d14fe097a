import CephImages
import ComputePlanning
import DomainXML
import Foundation
import NetworkModel
import Resources
import TestComputeHosts
import TestNamespaces
import Testing
import Waiting

/// A cluster of the test's own (tools/tiny-ceph), in a network namespace of its own that a pair of devices joins with this
/// one: clients here and guests there reach it, as a user who may use one pool alone. It ends with the test.
final class TestCeph: Sendable {
    /// Where guests run, too.
    let namespace: TestNamespace
    let folder: String
    /// Of the cluster, and of this side.
    private static let addresses = ("fd6b:6300:ce::1", "fd6b:6300:ce::2")
    private let device: String

    static let user = "kc"
    /// What libvirt calls that user's key.
    let secret = ResourceID(UUID())

    var configuration: String { folder + "/ceph.conf" }
    /// The same without the way to keys: who uses it must bring one.
    var guestConfiguration: String { folder + "/guests.conf" }
    var place: CephPlace { CephPlace(pool: "kc", user: Self.user, configuration: configuration) }

    init(_ namespace: TestNamespace) throws {
        self.namespace = namespace
        folder = "/tmp/kc-ceph-\(UUID().uuidString.prefix(8))"
        device = "kceph\(getpid() % 100_000_000)"
        try command(
            "/usr/sbin/ip", "link", "add", device, "type", "veth", "peer", "name", "ceph", "netns", namespace.name.text)
        do {
            try command("/usr/sbin/ip", "address", "add", "\(Self.addresses.1)/64", "dev", device, "nodad")
            try command("/usr/sbin/ip", "link", "set", device, "up")
            try namespace.run("ip", "address", "add", "\(Self.addresses.0)/64", "dev", "ceph", "nodad")
            try namespace.run("ip", "link", "set", "ceph", "up")
            try namespace.run("bash", "tools/tiny-ceph", "up", folder, Self.addresses.0)
            let lines = try String(contentsOfFile: configuration, encoding: .utf8).split(separator: "\n")
            try (lines.filter { !$0.hasPrefix("keyring") } + [""]).joined(separator: "\n")
                .write(toFile: guestConfiguration, atomically: true, encoding: .utf8)
        } catch {
            end()
            throw error
        }
    }

    /// Both daemons halt, as if their machine was gone, or go on.
    func send(_ signal: Int32) throws {
        for daemon in ["mon", "osd"] {
            let text = try String(contentsOfFile: "\(folder)/\(daemon).pid", encoding: .utf8)
            let pid = try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
            try #require(kill(pid, signal) == 0)
        }
    }

    /// Gives the user's key to libvirt, as an operator does (docs/compute.md).
    func giveKey(to libvirtd: TestLibvirtd) throws {
        let (file, key) = (folder + "/secret.xml", folder + "/key")
        try """
        <secret ephemeral='no' private='yes'><uuid>\(secret)</uuid><usage type='ceph'><name>client.\(Self.user)</name></usage></secret>
        """.write(toFile: file, atomically: true, encoding: .utf8)
        _ = try libvirtd.virsh("secret-define", file)
        try command(
            "/usr/bin/ceph-authtool", "\(folder)/client.\(Self.user).keyring", "-n", "client.\(Self.user)", "-p"
        ).trimmingCharacters(in: .whitespacesAndNewlines).write(toFile: key, atomically: true, encoding: .utf8)
        _ = try libvirtd.virsh("secret-set-value", secret.description, "--file", key)
        unlink(key)
    }

    func rbd(_ words: String...) throws -> [String] {
        try command("/usr/bin/rbd", ["-c", configuration, "-p", "kc"] + words).split(separator: "\n").map(String.init)
    }

    private func end() {
        // Of a cluster that never came there is nothing to end.
        _ = try? command("/bin/bash", "tools/tiny-ceph", "down", folder)
        _ = try? command("/usr/sbin/ip", "link", "delete", device)
        _ = try? command("/bin/rm", "-rf", folder)
    }

    deinit { end() }
}
