import APIClient
import Addressing
import Glibc
import Laboratory
import NetworkModel
import Resources
import Testing

extension SystemTests {
    /// What belongs to others is left alone, reported where it is in the way, and never hurts.
    struct ForeignTests {
        private func tap(_ name: String, on segment: String) -> String {
            #"{"name":"\#(name)","spec":{"segment":"\#(segment)","host":"h1","port":{"type":"tap"}}}"#
        }

        @Test func `a device of someone else with our name is left alone and reported, and its end is noticed`()
            async throws
        {
            try await withSystem("one-host", desired: false) { system in
                let h1 = try system.machine("h1")
                try await h1.ip("link", "add", "kcx000fa0", "type", "bridge")
                let before = try await h1.devices().first { $0.name == "kcx000fa0" }
                try await system.create(Segment.kind, #"{"name":"blue","spec":{"ipam":"none","vni":4000}}"#)
                try await system.create(Attachment.kind, tap("a", on: "blue"))
                try await system.eventually("the attachment fails and names the device") {
                    let document = try await system.get(Attachment.kind, "a")
                    let segment = try await system.get(Segment.kind, "blue")
                    let said = (document.message ?? "") + segment.node.excerptOfAll
                    return document.status?["phase"]?.string == "failed" && said.contains("kcx000fa0")
                }
                #expect(try await h1.devices().first { $0.name == "kcx000fa0" } == before)
                try await h1.ip("link", "delete", "kcx000fa0")
                try await system.waitUntilWired(Attachment.kind, "a")
            }
        }

        @Test func `a VXLAN of someone else with the same VNI is left alone and reported with the kernel's words`()
            async throws
        {
            try await withSystem("one-host", desired: false, warnings: ["kcx000fa1"]) { system in
                let h1 = try system.machine("h1")
                try await h1.ip(
                    "link", "add", "theirs", "type", "vxlan", "id", "4001", "local", "fd0a::1", "dev", "eth0",
                    "dstport",
                    "4789")
                try await system.create(Segment.kind, #"{"name":"blue","spec":{"ipam":"none","vni":4001}}"#)
                try await system.create(Attachment.kind, tap("a", on: "blue"))
                try await system.eventually("the attachment fails and says why") {
                    let document = try await system.get(Attachment.kind, "a")
                    let segment = try await system.get(Segment.kind, "blue")
                    let said = (document.message ?? "") + segment.node.excerptOfAll
                    return document.status?["phase"]?.string == "failed"
                        && (said.contains("theirs") || said.contains("VNI"))
                }
                #expect(try await h1.devices().contains { $0.name == "theirs" })
                try await h1.ip("link", "delete", "theirs")
                try await system.waitUntilWired(Attachment.kind, "a")
            }
        }

        @Test func `a host firewall that forwards nothing does not hurt bridged traffic`() async throws {
            try await withSystem("one-host") { system in
                let h1 = try system.machine("h1")
                let rules = """
                    add table inet theirs
                    add chain inet theirs forward { type filter hook forward priority 0; policy drop; }
                    add table ip6 theirs
                    add chain ip6 theirs forward { type filter hook forward priority 0; policy drop; }

                    """
                try await h1.command("nft", ["-f", "-"], input: Array(rules.utf8)).check("add", "their tables")
                try await h1.setSysctl("net/bridge/bridge-nf-call-ip6tables", "0")
                let address = try await system.address(of: "h1/db")
                try await system.eventually("db answers") { try await system.ping(from: "h1/web", to: address) }
                // The same rules do stop a bridge that calls them, so the test would see it; and the agent repairs that.
                let (_, _, bridge) = try await system.devices(ofSegment: "blue")
                try await h1.stop("node", signal: SIGKILL)
                try await h1.ip("link", "set", bridge, "type", "bridge", "nf_call_ip6tables", "1")
                #expect(try await !system.ping(from: "h1/web", to: address))
                try h1.restart("node")
                try await system.settle()
                let tables = try await h1.command("nft", ["list", "tables"]).check("list", "tables")
                #expect(tables.contains("inet theirs") && tables.contains("ip6 theirs"))
            }
        }

        @Test func `a host that leads all bridges to its firewall is told so by the doctor`() async throws {
            try await withSystem("one-host", desired: false) { system in
                let h1 = try system.machine("h1")
                for (value, word) in [("1", "warn"), ("0", "ok")] {
                    for table in ["iptables", "ip6tables", "arptables"] {
                        try await h1.setSysctl("net/bridge/bridge-nf-call-\(table)", value)
                    }
                    let doctor = try await h1.command(system.programs.kcnet, ["doctor"], timeout: .seconds(60)).run()
                    let line = doctor.output.split(separator: "\n").first { $0.contains("br_netfilter") }
                    #expect(line?.hasPrefix(word) == true, "\(doctor.output)")
                }
            }
        }

        @Test func `taking KC away leaves exactly what is not KC's`() async throws {
            try await withSystem("two-hosts") { system in
                let h1 = try system.machine("h1")
                try await h1.ip("link", "add", "theirs", "type", "bridge")
                try await h1.ip("link", "add", "vtheirs", "type", "veth", "peer", "name", "vpeer")
                try await h1.command("nft", ["add", "table", "inet", "theirs"]).check("add", "table")
                try await h1.ip("netns", "add", "theirs")
                #expect(radvdRuns(on: h1))
                try await h1.stop("node")
                try await h1.command(system.programs.kcd, ["node", "--remove"]).check("run", "kcd node --remove")
                #expect(
                    Set(try await h1.devices().map(\.name)) == ["lo", "eth0", "theirs", "vtheirs", "vpeer"])
                #expect(try await h1.guestNamespaces() == ["web", "other", "theirs"])
                let ruleset = try await h1.command("nft", ["list", "ruleset"]).check("list", "ruleset")
                #expect(ruleset.split(separator: "\n") == ["table inet theirs {", "}"])
                let guest = try #require(NamespaceName("web"))
                let inside = try await h1.command(inGuest: guest, "ip", ["-o", "link"]).check("list", "web")
                #expect(!inside.contains("eth0"))
                #expect(!radvdRuns(on: h1))
                // And all comes back when the agent does.
                try h1.restart("node")
                try await system.settle()
            }
        }

        private func radvdRuns(on machine: Machine) -> Bool {
            // radvd lives in the machine's mount namespace, or in one made from it: it sees the machine's own mounts.
            ProcessIdentity.all().contains { process in
                link("/proc/\(process.pid)/exe")?.hasSuffix("/radvd") == true
                    && link("/proc/\(process.pid)/ns/mnt") == link("/proc/\(machine.keeper.pid)/ns/mnt")
            }
        }

        @Test func `VXLAN from an address that is no host's is not accepted`() async throws {
            try await withSystem("two-hosts") { system in
                let (vni, tunnel, _) = try await system.devices(ofSegment: "blue")
                let group = try #require(try await system.get(Segment.kind, "blue").status?["group"]?.string)
                let stranger = try system.machine("api")
                try await stranger.ip(
                    "link", "add", "vx", "type", "vxlan", "id", "\(vni)", "group", group, "local", "fd0a::a", "dev",
                    "eth0",
                    "dstport", "4789", "ttl", "64")
                try await stranger.ip("link", "set", "vx", "up")
                let web = try await system.address(of: "h1/web")
                try await stranger.ip("addr", "add", "\(web.sibling)/64", "dev", "vx", "nodad")
                func isHeard() async throws -> Bool {
                    try await stranger.command("ping", ["-6", "-c", "2", "-i", "0.3", "-W", "1", "\(web)"]).run()
                        .isSuccess
                }
                #expect(try await !isHeard())
                // The filter drops it; without the agent and its table the tunnel's gate does; without both it is heard.
                let h1 = try system.machine("h1")
                try await h1.stop("node", signal: SIGKILL)
                try await h1.command("nft", ["delete", "table", "inet", "kc"]).check("delete", "table inet kc")
                #expect(try await !isHeard())
                try await h1.command("tc", ["qdisc", "delete", "dev", tunnel, "clsact"])
                    .check("delete", "gates")
                try await system.eventually("the stranger is heard without filter and gates") { try await isHeard() }
                try h1.restart("node")
                try await system.settle()
                #expect(try await !isHeard())
            }
        }
    }
}

extension IPv6Address {
    /// Another address of the same /64.
    fileprivate var sibling: IPv6Address { IPv6Address(high: high, low: 0xbad) }
}

extension JSONNode {
    /// The whole value as text.
    fileprivate var excerptOfAll: String { String(decoding: raw, as: UTF8.self) }
}

private func link(_ path: String) -> String? {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink(path, &buffer, buffer.count - 1)
    guard count > 0 else { return nil }
    return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
