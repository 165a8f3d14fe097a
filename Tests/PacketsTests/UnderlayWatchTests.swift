import Addressing
import Glibc
import LinuxPackets
import NetworkModel
import NodePorts
import TestNamespaces
import Testing
import Waiting

/// Listening on an underlay interface, of the kernel.
@Suite struct UnderlayWatchTests {
    let host: TestNamespace
    let other: TestNamespace

    init() throws {
        host = try TestNamespace("kcuw")
        other = try TestNamespace("kcuw")
        try host.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", other.name.text)
        for space in [host, other] { try space.run("ip", "link", "set", "eth0", "up") }
        try host.run("ip", "addr", "add", "fd0a::1/64", "dev", "eth0", "nodad")
    }

    /// A solicitation for fd0a::1 from `::`, as of RFC 4862 section 5.4.2; its checksum is of these bytes.
    static let question: [UInt8] = {
        let group: [UInt8] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 1]
        let target: [UInt8] = [0xfd, 0x0a] + [UInt8](repeating: 0, count: 13) + [1]
        let body: [UInt8] = [135, 0, 0, 0, 0, 0, 0, 0] + target
        var sum = UInt32(58 + body.count)
        let words = group + body
        for index in stride(from: 0, to: words.count, by: 2) {
            sum += UInt32(words[index]) << 8 | UInt32(words[index + 1])
        }
        while sum >> 16 != 0 { sum = sum & 0xffff + sum >> 16 }
        let check = ~UInt16(sum)
        let mac: [UInt8] = [0x33, 0x33, 0xff, 0, 0, 1, 2, 0, 0, 0, 0, 1]
        let header: [UInt8] = [0x60, 0, 0, 0, 0, UInt8(body.count), 58, 255] + [UInt8](repeating: 0, count: 16)
        var message = body
        (message[2], message[3]) = (UInt8(check >> 8), UInt8(check & 0xff))
        return mac + [0x86, 0xdd] + header + group + message
    }()

    private func listen(for time: Duration = .milliseconds(300)) async throws -> UnderlayWatch.Heard {
        try await UnderlayWatch(namespace: host.name).listen(
            at: try InterfaceName("eth0"), port: 4789, address: try IPv6Address(parsing: "fd0a::1"),
            asking: Self.question, for: time)
    }

    /// Has the other end send frames for as long as the body takes, and no longer than a minute.
    private func sending(_ frames: String, _ body: () async throws -> Void) async throws {
        let script = """
            import socket, time
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("eth0", 0))
            ip = lambda next, source, target, data: (b"\\x60\\0\\0\\0" + len(data).to_bytes(2, "big") + bytes([next, 64])
                + socket.inet_pton(10, source) + socket.inet_pton(10, target) + data)
            ether = bytes.fromhex("333300000001020000000002 86dd")
            \(frames)
            end = time.time() + 60
            while time.time() < end:
                for frame in frames: s.send(frame)
                time.sleep(0.05)
            """
        let pid = try other.run("sh", "-c", "python3 -c \"$0\" >/dev/null 2>&1 & echo $!", script)
        let number = try #require(pid_t(pid.split(whereSeparator: \.isWhitespace).first ?? ""))
        defer { kill(number, SIGKILL) }
        try await body()
    }

    @Test func `nothing is heard where nothing is`() async throws {
        let heard = try await listen()
        #expect(heard.queriers.isEmpty && heard.frames.isEmpty && heard.holders.isEmpty)
    }

    @Test func `a machine with the same address betrays itself`() async throws {
        try other.run("ip", "addr", "add", "fd0a::1/64", "dev", "eth0", "nodad")
        let mac = try other.run("cat", "/sys/class/net/eth0/address").split(whereSeparator: \.isWhitespace).first
        var holders: [String] = []
        try await eventually(within: .seconds(30)) {
            holders = try await listen().holders.map { "\($0)" }
            return !holders.isEmpty
        }
        #expect(holders == [mac.map(String.init)])
    }

    @Test func `a query for listeners is heard with its sender`() async throws {
        let query = """
            query = bytes.fromhex("3a00050200000000") + bytes([130]) + bytes(27)
            frames = [ether + ip(0, "fe80::9", "ff02::1", query)]
            """
        try await sending(query) {
            try await eventually(within: .seconds(30)) {
                let heard = try await listen()
                #expect(heard.frames.isEmpty)
                return heard.queriers.map { "\($0)" } == ["fe80::9"]
            }
        }
    }

    @Test func `what is dropped for its checksum is counted`() async throws {
        try host.run(
            "ip", "link", "add", "vx", "type", "vxlan", "id", "300", "dev", "eth0", "local", "fd0a::1", "dstport",
            "4789")
        try host.run("ip", "link", "set", "vx", "up")
        let mac = try host.run("cat", "/sys/class/net/eth0/address").filter { !$0.isWhitespace && $0 != ":" }
        let frames = """
            ether = bytes.fromhex("\(mac) 020000000002 86dd")
            udp = (1234).to_bytes(2, "big") + (4789).to_bytes(2, "big") + (80).to_bytes(2, "big") + b"ab"
            frames = [ether + ip(17, "fd0a::2", "fd0a::1", udp + bytes.fromhex("08000000 00012c00") + bytes(64))]
            """
        #expect(try await listen().wrongChecksums == 0)
        try await sending(frames) {
            try await eventually(within: .seconds(30)) { try await listen().wrongChecksums ?? 0 > 1 }
        }
    }

    @Test func `frames of VXLAN are counted by VNI, and other ports are not`() async throws {
        let frames = """
            udp = lambda port: (1234).to_bytes(2, "big") + port.to_bytes(2, "big") + (80).to_bytes(2, "big") + b"ab"
            vxlan = lambda vni: bytes.fromhex("08000000") + vni.to_bytes(3, "big") + bytes(65)
            frames = [ether + ip(17, "fd0a::2", "ff15::1", udp(port) + vxlan(vni))
                for port, vni in [(4790, 301), (4789, 300), (4789, 302)]]
            """
        try await sending(frames) {
            try await eventually(within: .seconds(30)) {
                let heard = try await listen()
                #expect(heard.frames[301] == nil)
                return heard.frames[300] ?? 0 > 1 && heard.frames[302] ?? 0 > 1
            }
        }
    }
}
