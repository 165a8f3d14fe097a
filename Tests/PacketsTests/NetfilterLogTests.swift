import Addressing
import Glibc
import LinuxPackets
import NetworkModel
import NodePorts
import NodePortsTesting
import TestNamespaces
import Testing
import Waiting

/// The kernel's log of frames, with a bridge of two ports and a few rules.
@Suite(.serialized) struct NetfilterLogTests {
    let host: TestNamespace
    let guest: TestNamespace
    let neighbour: TestNamespace

    init() throws {
        host = try TestNamespace("kclg")
        guest = try TestNamespace("kclg")
        neighbour = try TestNamespace("kclg")
        try host.run("ip", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        try host.run("ip", "link", "set", "br0", "up")
        for (port, namespace) in [("kctport1", guest), ("kctport2", neighbour)] {
            try namespace.run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
            try host.run(
                "ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", namespace.name.text)
            try host.run("sysctl", "-qw", "net.ipv6.conf.\(port).disable_ipv6=1")
            try host.run("ip", "link", "set", port, "master", "br0", "up")
            try namespace.run("ip", "link", "set", "eth0", "up")
        }
    }

    /// Puts one rule into a bridge chain of that hook.
    func log(at hook: String, _ rule: String) throws {
        try host.run("nft", "table bridge t {\nchain c {\ntype filter hook \(hook) priority -350\n\(rule)\n}\n}")
    }

    /// Sends frames as hexadecimal digits, each so many times, from the guest's end of kctport1.
    func send(_ frames: [[UInt8]], times: Int = 1) throws {
        let words = frames.map { $0.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() }
        let script = """
            import socket
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("eth0", 0))
            for word in "\(words.joined(separator: " "))".split():
                frame = bytes.fromhex(word)
                for _ in range(\(times)): s.send(frame)
            """
        try guest.run("python3", "-c", script)
    }

    static let ethernet: [UInt8] = [2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1]

    @Test func `the kernel's log keeps the contract that the log in memory keeps`() async throws {
        let (first, second) = PacketLogContract.groups
        let contract = PacketLogContract(log: NetfilterLog(namespace: host.name), port: "kctport1") { group, frames in
            // One group's rule at a time: the frames do not say whose they are.
            try log(at: "prerouting", "ether type 0x88b5 log prefix \"contract\" group \(group.number)")
            // As many as come in a row of the same are one word of the script: its arguments are bounded.
            if frames.count > 16 { try send([frames[0]], times: frames.count) } else { try send(frames) }
            try host.run("nft", "delete table bridge t")
        }
        #expect([first, second].count == 2)
        let violations = try await contract.violations()
        #expect(violations.isEmpty, "\(violations.joined(separator: "\n"))")
    }

    @Test func `where frames leave, the log names the port they would have left by`() async throws {
        try log(at: "postrouting", #"oifname "kctport2" ether type 0x88b5 log prefix "policy" group 27 snaplen 8 drop"#)
        let log = NetfilterLog(namespace: host.name)
        let frames = try await log.frames(of: .drops, snapLength: 256)
        let sent = Self.ethernet + [0x88, 0xb5] + Array(0..<64)
        try send([sent])
        let frame = await first(of: frames)
        #expect(frame?.prefix == "policy")
        #expect(frame?.source == nil)
        #expect(frame?.destination?.text == "kctport2")
        #expect(frame?.bytes == Array(sent.prefix(14 + 8)))
    }

    @Test func `a VLAN tag is where it was on the wire`() async throws {
        try log(at: "prerouting", #"iifname "kctport1" log prefix "ethertype" group 27 drop"#)
        let log = NetfilterLog(namespace: host.name)
        let frames = try await log.frames(of: .drops, snapLength: 256)
        let sent = Self.ethernet + [0x81, 0x00, 0x00, 0x07, 0x86, 0xdd] + Array(repeating: 0x60, count: 60)
        try send([sent])
        #expect(await first(of: frames)?.bytes == sent)
    }

    @Test func `a flood costs bounded memory, and what was lost is told`() async throws {
        try log(at: "prerouting", #"ether type 0x88b5 log prefix "rate" group 27 snaplen 64 drop"#)
        let log = NetfilterLog(namespace: host.name)
        let frames = try await log.frames(of: .drops, snapLength: 256)
        let flood = Self.ethernet + [0x88, 0xb5] + Array(repeating: 1, count: 60)
        try send([flood], times: 1000)
        let before = try residentBytes()
        try send([flood], times: 100_000)
        let after = try residentBytes()
        #expect(after - before < 8 << 20, "the flood cost \(after - before) bytes")
        // What waited comes first; a mark is lost with the rest while the buffers are full.
        let mark = Self.ethernet + [0x88, 0xb5] + Array(repeating: 2, count: 60)
        async let _: Void = {
            while !Task.isCancelled {
                try send([mark])
                await Task.yield()
            }
        }()
        var seen = 0
        var heard = 0
        for await frame in frames {
            seen += 1 + frame.lostBefore
            heard += 1
            if frame.bytes == mark { break }
        }
        #expect(seen >= 101_001, "of 101,001 frames \(seen) were read or counted as lost")
        #expect(heard < 50_000, "\(heard) frames came through")
    }

    @Test func `a group is free when its reader goes`() async throws {
        let log = NetfilterLog(namespace: host.name)
        var stream: AsyncStream<LoggedFrame>? = try await log.frames(of: .claims, snapLength: 64)
        let other = NetfilterLog(namespace: host.name)
        await #expect(throws: NodeError(.errno(EPERM), operation: "bind", subject: "log group 28")) {
            _ = try await other.frames(of: .claims, snapLength: 64)
        }
        #expect(stream != nil)
        stream = nil
        try await eventually {
            do {
                _ = try await other.frames(of: .claims, snapLength: 64)
                return true
            } catch { return false }
        }
    }

    @Test func `a frame leaves by its device alone, past the bridge's rules`() async throws {
        try log(at: "postrouting", "drop")
        let sender = PacketSocketSender(namespace: host.name)
        let frame = Self.ethernet + [0x88, 0xb5] + Array(0..<64)
        // Guests log what they hear.
        for namespace in [guest, neighbour] {
            try namespace.run("ip", "link", "add", "br1", "type", "bridge")
            try namespace.run("ip", "link", "set", "br1", "up")
            try namespace.run("ip", "link", "set", "eth0", "master", "br1")
            let rule = "ether type 0x88b5 log group 27"
            try namespace.run(
                "nft", "table bridge t {\nchain c {\ntype filter hook prerouting priority -350\n\(rule)\n}\n}")
        }
        let logs = [guest, neighbour].map { NetfilterLog(namespace: $0.name) }
        let heard = try await logs[0].frames(of: .drops, snapLength: 256)
        let missed = try await logs[1].frames(of: .drops, snapLength: 256)
        try await sender.send(frame, by: try InterfaceName("kctport1"))
        #expect(await first(of: heard)?.bytes == frame)
        // What the neighbour hears first is what was sent to it.
        try await sender.send(frame + [1], by: try InterfaceName("kctport2"))
        #expect(await first(of: missed)?.bytes == frame + [1])
        await #expect(throws: NodeError(.errno(ENODEV), operation: "send a frame", subject: "kctnone")) {
            try await sender.send(frame, by: try InterfaceName("kctnone"))
        }
        #expect(logs.count == 2)
    }

    private func first(of frames: AsyncStream<LoggedFrame>) async -> LoggedFrame? {
        for await frame in frames { return frame }
        return nil
    }

    /// Of this process (/proc/self/statm, second field).
    private func residentBytes() throws -> Int {
        let text = try command("/bin/cat", "/proc/\(getpid())/statm")
        let pages = try #require(text.split(separator: " ").dropFirst().first.flatMap { Int($0) })
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }
}
