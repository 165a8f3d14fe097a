import APIClient
import Addressing
import FoundationEssentials
import Glibc
import Laboratory
import NetworkModel
import Resources
import Testing

extension SystemTests {
    /// The operator's network fails, comes back, or is not fit.
    struct UnderlayTests {
        @Test func `a link that goes down and comes up again needs no hand`() async throws {
            try await withSystem("two-hosts", warnings: ["the API is away"]) { system in
                let before = try await system.dumps()
                let address = try await system.address(of: "h2/db")
                // What can be seen of the underlay is looked at before a token is used up.
                for (arguments, words) in [
                    (["--interface", "eth0", "--vtep", "fd0a::99"], "no global or unique local address of eth0"),
                    (["--interface", "nope", "--vtep", "fd0a::1"], "the interface nope does not exist"),
                ] {
                    let join = try await system.machine("h1").command(
                        system.programs.kcd,
                        ["join", "https://[fd0a::a]:8440", "kcj_x", "--name", "h9", "--state-dir", "/run/kc/none"]
                            + arguments
                    ).run()
                    #expect(!join.isSuccess && join.errors.contains(words), "\(join)")
                }
                let cable = "kclab-\(system.laboratory.state.instance)-lan"
                try await Command("ip", ["-n", cable, "link", "set", "h1", "down"]).check("unplug", "h1")
                try await system.eventually("the ping stops") { try await !system.ping(from: "h1/web", to: address) }
                try await Command("ip", ["-n", cable, "link", "set", "h1", "up"]).check("plug in", "h1")
                try await system.eventually("the ping goes again") {
                    try await system.ping(from: "h1/web", to: address)
                }
                try await system.settle()
                #expect(try await system.dumps() == before)
            }
        }

        @Test func `another hop limit reaches every VXLAN device, makes none again and loses no packet`() async throws {
            try await withSystem("two-hosts") { system in
                let (_, vxlan, _) = try await system.devices(ofSegment: "blue")
                func show(_ host: String) async throws -> String {
                    try await system.machine(host).ip("-o", "-d", "link", "show", vxlan)
                }
                let before = try await show("h1").prefix { $0 != ":" }
                let ping = try await FastPing.start(from: "h1/web", to: system.address(of: "h2/db"), in: system)
                _ = try await system.client.update(
                    system.collection(Underlay.kind), "default",
                    Array(#"{"name":"default","spec":{"mtu":1500,"multicast":true,"hopLimit":7}}"#.utf8), ifMatch: nil)
                for host in ["h1", "h2"] {
                    try await system.eventually("the hop limit on \(host)") {
                        try await show(host).contains(" ttl 7 ")
                    }
                }
                let (lost, sent) = try await ping.stop()
                #expect(lost == 0, "of \(sent)")
                #expect(try await show("h1").prefix { $0 != ":" } == before)
                try await system.settle()
            }
        }

        @Test func `a host whose underlay carries too little is unfit and says so`() async throws {
            let folder = try TemporaryTopology.make(
                """
                name: narrow
                links:
                  - {name: lan, prefix: "fd0a::/64"}
                hosts:
                  - {name: h1, link: lan, address: "fd0a::1", mtu: 1400}
                  - {name: h2, link: lan, address: "fd0a::2"}
                api: {link: lan, address: "fd0a::a"}
                """)
            defer { TemporaryTopology.remove(folder) }
            try await withSystem(folder: folder, desired: false, warnings: []) { system in
                try await system.create(Segment.kind, #"{"name":"blue","spec":{"ipam":"none"}}"#)
                for host in ["h1", "h2"] {
                    try await system.create(
                        Attachment.kind,
                        #"{"name":"on-\#(host)","spec":{"segment":"blue","host":"\#(host)","port":{"type":"tap"}}}"#)
                }
                try await system.waitUntilWired(Attachment.kind, "on-h2")
                try await system.eventually("the attachment on the narrow host is unfit") {
                    try await system.phase(Attachment.kind, "on-h1") == "unfit"
                }
                let message = try #require(try await system.get(Attachment.kind, "on-h1").message)
                #expect(message.contains("1400") && message.contains("1500"), "\(message)")
                let h1 = try system.machine("h1")
                #expect(try await h1.devices().allSatisfy { !$0.alias.hasPrefix("kc:segment") })
                // The operator mends it; nobody has to tell the agent.
                try await h1.ip("link", "set", "eth0", "mtu", "1500")
                try await system.waitUntilWired(Attachment.kind, "on-h1")
            }
        }
    }
}

/// A topology of one test's own.
enum TemporaryTopology {
    static func make(_ yaml: String) throws -> String {
        let folder = "/tmp/kclab-topology-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        for part in ["desired", "expected"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(part)", withIntermediateDirectories: true)
        }
        try Data(yaml.utf8).write(to: URL(filePath: "\(folder)/topology.yaml"))
        return folder
    }

    static func remove(_ folder: String) {
        do { try FileManager.default.removeItem(atPath: folder) } catch { Issue.record(error) }
    }
}
