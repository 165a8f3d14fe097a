import Foundation
import Glibc
import NetworkModel
import TestNamespaces
import Testing
import Waiting

/// Three members, each in a network namespace of its own on one bridge. Clients reach them over Unix sockets, which no
/// partition between the members touches.
final class TestCluster: Sendable {
    let etcd: TestEtcd
    private let hub: TestNamespace
    private let places: [TestNamespace]

    static let count = 3

    init() throws {
        hub = try TestNamespace("ete")
        places = try (0..<Self.count).map { _ in try TestNamespace("ete") }
        try hub.run("ip", "link", "add", "br0", "type", "bridge")
        try hub.run("ip", "link", "set", "br0", "up")
        for (index, place) in places.enumerated() {
            try hub.run(
                "ip", "link", "add", "p\(index)", "type", "veth", "peer", "name", "e0", "netns", place.name.text)
            try hub.run("ip", "link", "set", "p\(index)", "master", "br0", "up")
            try place.run("ip", "addr", "add", "fd6b:63::\(index + 1)/64", "dev", "e0", "nodad")
            try place.run("ip", "link", "set", "e0", "up")
        }
        let folder = TestEtcd.newFolder()
        let peers = (0..<Self.count).map { "http://[fd6b:63::\($0 + 1)]:2380" }
        let all = peers.enumerated().map { "m\($0.offset)=\($0.element)" }
        let members = places.enumerated().map { index, place in
            // The path of the socket is relative to the folder: a URL of etcd has a host and a port, and no path.
            TestEtcd.Member(
                client: "unix:\(folder)/m\(index).sock:1",
                words: [
                    "/usr/sbin/ip", "netns", "exec", place.name.text, "/usr/bin/env", "-C", folder, "/usr/bin/etcd",
                ]
                    + TestEtcd.arguments(
                        index, folder: folder, client: "unix://m\(index).sock:1", peer: peers[index], all: all))
        }
        etcd = try TestEtcd(folder: folder, members: members)
    }

    static func with<T: Sendable>(_ body: (TestCluster) async throws -> T) async throws -> T {
        let cluster = try TestCluster()
        return try await cluster.etcd.run { _ in try await body(cluster) }
    }

    /// Takes one member's cable out, or puts it back.
    func plug(_ index: Int, _ isIn: Bool) throws {
        try hub.run("ip", "link", "set", "p\(index)", isIn ? "up" : "down")
    }

    /// The member that leads now, as most of them say.
    func leader() async throws -> Int {
        var found: Int?
        try await eventually("a leader", etcd.logs) {
            for index in 0..<Self.count {
                guard let answer = status(index), answer.leader == answer.member else { continue }
                found = index
            }
            return found != nil
        }
        return try #require(found)
    }

    private func status(_ index: Int) -> (member: String, leader: String)? {
        let socket = etcd.members[index].client.dropFirst(5)
        // A member that does not answer leads nobody.
        guard
            let text = try? command(
                "/usr/bin/curl", "-s", "-m", "1", "--unix-socket", String(socket), "-d", "{}",
                "http://localhost/v3/maintenance/status"),
            let object = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any],
            let header = object["header"] as? [String: Any], let member = header["member_id"] as? String,
            let leader = object["leader"] as? String
        else { return nil }
        return (member, leader)
    }
}
