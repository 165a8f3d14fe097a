import Addressing
import CBPF
import FoundationEssentials
import Glibc
import LinuxBPF
import LinuxPacketFilter
import LinuxProcesses
import NFTables
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources
import TestNamespaces
import Testing

/// A host with bridges and guests in namespaces, whose packet filter is filled as a plan would fill it.
struct GuardLab {
    let host: TestNamespace
    let filter: NFTPacketFilter
    /// Before the guard, as where an agent has made the ports.
    let program: GuardProgram
    private(set) var guests: [TestNamespace] = []
    var desired: HostSnapshot

    init() throws {
        host = try TestNamespace("kcpf")
        program = try GuardProgram(path: objects + "guard.bpf.o")
        filter = NFTPacketFilter(namespace: host.name, worker: worker, marks: program)
        let identity = HostIdentity(
            id: Self.id(9, 1), name: try #require(Name("h1")), vtep: .loopback, interface: try InterfaceName("eth0"),
            generation: 1)
        desired = HostSnapshot(revision: Revision(1), host: identity, underlay: Underlay.Spec(mtu: try MTU(1500)))
    }

    static func id(_ kind: UInt8, _ number: Int) -> ResourceID {
        let n = UInt8(truncatingIfNeeded: number)
        return ResourceID(UUID(uuid: (n &* 37, kind, n, 1, 2, n, 0x40, 0, 0x80, 0, 0, kind, n, n, n, n)))
    }

    static func mac(_ number: Int) -> MACAddress { MACAddress(0x0200_0000_0000 | UInt64(number)) }

    /// Makes a segment with its bridge, and `fd01::/64` as its prefix.
    mutating func addSegment(_ number: Int = 1, ipam: IPAM = .automatic) throws {
        let vni = try VNI(number)
        desired.segments[Self.id(1, number)] = DesiredSegment(
            id: Self.id(1, number), generation: 1, vni: vni, group: MulticastGroups.standard.base, mtu: try MTU(1430),
            ipam: ipam, prefix: try IPv6Prefix(parsing: "fd01::/64"), replication: .multicast)
        try host.run(
            "ip", "link", "add", InterfaceName.bridge(vni).text, "type", "bridge", "mcast_snooping", "0")
        try host.run("sysctl", "-q", "net.ipv6.conf.\(InterfaceName.bridge(vni)).disable_ipv6=1")
        try host.run("ip", "link", "set", InterfaceName.bridge(vni).text, "up")
    }

    /// Makes an attachment with a guest in a namespace: `eth0` with `fd01::<number>` and the MAC of that number.
    /// - Parameter number: from 1 on, without a gap.
    mutating func addGuest(
        _ number: Int, on segment: Int = 1, address: String? = nil, policies: [PolicyUse] = [.builtIn(.allowSegment)]
    ) throws {
        let address = address ?? "fd01::\(number)"
        let id = Self.id(2, number)
        desired.attachments[id] = DesiredAttachment(
            id: id, generation: 1, segment: Self.id(1, segment), mac: Self.mac(number),
            addresses: [AttachmentAddress(try IPv6Address(parsing: address), origin: .assigned)], port: .tap,
            policies: policies)
        let guest = try TestNamespace("kcpf")
        guests.append(guest)
        let port = self.port(number)
        try host.run(
            "ip", "link", "add", port.text, "type", "veth", "peer", "name", "eth0", "address",
            Self.mac(number).description, "netns", guest.name.text)
        try host.run("sysctl", "-q", "net.ipv6.conf.\(port).disable_ipv6=1")
        try host.run("ip", "link", "set", port.text, "master", InterfaceName.bridge(try VNI(segment)).text, "up")
        try guest.run("ip", "address", "add", "\(address)/64", "dev", "eth0", "nodad")
        try guest.run("ip", "link", "set", "eth0", "up")
    }

    func port(_ number: Int) -> InterfaceName { .port(Self.id(2, number).bytes) }

    func guest(_ number: Int) -> TestNamespace { guests[number - 1] }

    mutating func set(_ policies: [PolicyUse], of number: Int) {
        desired.attachments[Self.id(2, number)]?.policies = policies
    }

    var structure: Ruleset { HostPlanner.structure(for: desired.underlay) }
    var content: FilterContent { HostPlanner.filterContent(for: desired) }

    func install() async throws {
        try await mark()
        try await filter.apply([.install(structure, content)])
    }

    /// Has frames of all guests' ports run through the program before the guard.
    func mark() async throws {
        let ports = guests.indices.map { port($0 + 1) }
        for port in ports { try host.run("ip", "link", "set", port.text, "group", "27491") }
        let (name, descriptor) = (host.name, program.descriptor)
        let thread = NamespaceThread("kc-mark", in: name) { () throws(NodeError) in Idle() }
        try await thread.run { _ throws(NodeError) in
            for port in ports where cbpf_attach(Int32(if_nametoindex(port.text)), 0, descriptor) != 0 {
                throw NodeError(.errno(errno), operation: "attach", subject: port.text)
            }
        }
    }

    /// Of a thread that is only inside a namespace.
    private final class Idle: ThreadState {
        let watched: [Int32] = []
        let deadline: ContinuousClock.Instant? = nil
        func isReady(_ descriptor: Int32) {}
        func deadlineIsOver() {}
    }

    /// What a plan would change, in one transaction.
    func change(from old: FilterContent) async throws {
        let new = content
        var operations: [FilterOperation] = []
        for owner in Set(old.owners.keys).union(new.owners.keys).sorted() where old[owner] != new[owner] {
            operations.append(
                .change(
                    owner, remove: old[owner].subtracting(new[owner]).sorted(),
                    add: new[owner].subtracting(old[owner]).sorted()))
        }
        try await filter.apply(operations)
    }

    func canPing(_ from: Int, _ address: String, size: Int = 56) -> Bool {
        guest(from).succeeds("ping", "-6", "-q", "-c", "1", "-W", "1", "-s", "\(size)", address)
    }

    /// How many frames of a port were dropped for a reason.
    func drops(_ number: Int, _ reason: DropReason) async throws -> UInt64 {
        try await filter.droppedFrames()[port(number)]?[reason.rawValue] ?? 0
    }

    /// Sends forged frames between guests and says which of them arrived.
    /// - Parameter text: Python that calls `send(name, from, to, frame)`, in order.
    /// - Returns: the names of those that arrived.
    func arrivals(_ text: String) throws -> Set<String> {
        let names = guests.map { "\"\($0.name.text)\"" }.joined(separator: ", ")
        let output = try host.run(
            "python3", "-c", Self.prelude + "open_all([\(names)])\n" + text + "\nprint(' '.join(arrived))")
        return Set(output.split(whereSeparator: \.isWhitespace).map(String.init))
    }

    /// What Python knows of frames as a guest might forge them. Guests are 1, 2, …, with MACs and addresses to match.
    private static let prelude = """
        import socket, struct, select, ctypes, time
        def mac(n): return bytes.fromhex("0200000000%02x" % n)
        def ip(a): return socket.inet_pton(socket.AF_INET6, a)
        def total(data):
            data += bytes(len(data) % 2)
            s = sum(struct.unpack(">%dH" % (len(data) // 2), data))
            while s >> 16: s = (s & 0xffff) + (s >> 16)
            return ~s & 0xffff
        def summed(src, dst, number, made):
            return made(total(ip(src) + ip(dst) + struct.pack(">II", len(made(0)), number) + made(0)))
        def icmp(src, dst, kind, body, code=0):
            return summed(src, dst, 58, lambda c: struct.pack(">BBH", kind, code, c) + body)
        def udp(src, dst, sport, dport, body=b"x" * 20):
            return summed(src, dst, 17, lambda c: struct.pack(">HHHH", sport, dport, 8 + len(body), c) + body)
        def tcp(src, dst, sport, dport, flags):
            return summed(src, dst, 6,
                lambda c: struct.pack(">HHIIBBHHH", sport, dport, 1, 1, 5 << 4, flags, 9000, c, 0))
        def packet(src, dst, number, body, hops=64):
            return struct.pack(">IHBB", 6 << 28, len(body), number, hops) + ip(src) + ip(dst) + body
        def frame(source, target, body, kind=0x86dd): return target + source + struct.pack(">H", kind) + body
        def fragment(number, offset, more, body, name=7):
            return struct.pack(">BBHI", number, 0, offset << 3 | more, name) + body
        def lla(n): return "fe80::ff:fe00:%x" % n
        def gua(n): return "fd01::%x" % n
        group = bytes.fromhex("333300000001")
        sockets, arrived = {}, []
        def open_all(names):
            libc = ctypes.CDLL(None)
            for n, name in enumerate(names):
                with open("/run/netns/" + name) as place: assert libc.setns(place.fileno(), 0x40000000) == 0
                s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.bind(("eth0", 0))
                sockets[n + 1] = s
        def send(name, source, target, data, wait=0.15):
            data += bytes(max(0, 60 - len(data)))
            s = sockets[target]
            while select.select([s], [], [], 0)[0]: s.recv(65536)
            sockets[source].send(data)
            end = time.monotonic() + wait
            while True:
                left = end - time.monotonic()
                if left <= 0 or not select.select([s], [], [], left)[0]: return
                # A VLAN tag arrives beside the frame.
                if s.recv(65536) in (data, data[:12] + data[16:]):
                    arrived.append(name)
                    return

        """
}
