package import Addressing
import CMnl
import Glibc
import LinuxProcesses
package import NetworkModel
package import NodePorts

/// Listens on an underlay interface: to MLD queries, to VXLAN by VNI, and to whoever answers for an address. Only headers
/// are looked at; nothing of a guest's frame is kept.
package struct UnderlayWatch: Sendable {
    /// What was heard.
    package struct Heard: Sendable {
        /// Who sent MLD queries.
        package var queriers: Set<IPv6Address> = []
        /// VXLAN frames that came in, by VNI.
        package var frames: [UInt32: Int] = [:]
        /// Who advertised the address as its own (RFC 4861 section 4.4).
        package var holders: Set<MACAddress> = []
        /// UDP packets that the kernel dropped for their checksum meanwhile (Udp6InCsumErrors, RFC 4113's udpInErrors in
        /// part); nil when it does not tell.
        package var wrongChecksums: Int?
    }

    private let namespace: NamespaceName?

    /// - Parameter namespace: under /run/netns; nil for the namespace of the process.
    package init(namespace: NamespaceName? = nil) { self.namespace = namespace }

    /// - Parameters:
    ///   - port: of VXLAN.
    ///   - address: this host's own; whoever else advertises it is noted.
    ///   - question: a frame that is sent at the beginning, a solicitation for the address.
    /// - Throws: when there is no such interface, or no right to its packets.
    package func listen(
        at interface: InterfaceName, port: UInt16, address: IPv6Address, asking question: [UInt8],
        for time: Duration
    ) async throws(NodeError) -> Heard {
        let thread = NamespaceThread("kc-watch", in: namespace) { () throws(NodeError) in
            try WatchEar(interface, port, address)
        }
        return try await thread.run { $0.listen(question, for: time) }
    }
}

/// The socket; made and used on its thread alone.
private final class WatchEar: ThreadState {
    private let socket: TapSocket
    private let port: UInt16
    private let address: IPv6Address
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 8)
    private var heard = UnderlayWatch.Heard()

    init(_ interface: InterfaceName, _ port: UInt16, _ address: IPv6Address) throws(NodeError) {
        self.port = port
        self.address = address
        socket = try TapSocket(interface, .frames, filter: Self.filter(port))
    }

    deinit { buffer.deallocate() }

    func listen(_ question: [UInt8], for time: Duration) -> UnderlayWatch.Heard {
        let end = ContinuousClock.now + time
        let before = Self.wrongChecksums()
        // What cannot be sent has no answer, and an interface that is down is named by other checks.
        _ = socket.send(question)
        while case let left = ContinuousClock.now.duration(to: end), left > .zero {
            var polled = pollfd(fd: socket.descriptor.raw, events: Int16(POLLIN), revents: 0)
            guard poll(&polled, 1, Int32(left / .milliseconds(1)) + 1) > 0 else { continue }
            socket.receive(buffer) { bytes, seen in if !seen.isOutgoing { take(bytes) } }
            if polled.revents & Int16(POLLERR) != 0 { usleep(1000) }
        }
        if let before, let after = Self.wrongChecksums() { heard.wrongChecksums = max(0, after - before) }
        return heard
    }

    /// Of the thread's own namespace.
    private static func wrongChecksums() -> Int? {
        guard let file = fopen("/proc/thread-self/net/snmp6", "re") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let words = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
                .split(whereSeparator: \.isWhitespace)
            if words.first == "Udp6InCsumErrors" { return words.last.flatMap { Int($0) } }
        }
        return nil
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= 62 else { return }
        switch bytes[20] {
        // UDP: VXLAN's VNI is in the second word of its header (RFC 7348 section 5).
        case 17 where bytes.count >= 70:
            let vni = UInt32(bytes[66]) << 16 | UInt32(bytes[67]) << 8 | UInt32(bytes[68])
            heard.frames[vni, default: 0] += 1
        // Hop-by-hop options with a router alert, then a query, type 130 (RFC 3810 section 5).
        case 0 where bytes.count >= 63 && bytes[54] == 58 && bytes[55] == 0 && bytes[62] == 130:
            heard.queriers.insert(Self.address(bytes, at: 22))
        case 58 where bytes.count >= 78 && bytes[54] == 136 && Self.address(bytes, at: 62) == address:
            if let mac = MACAddress(bytes: UnsafeRawBufferPointer(rebasing: bytes[6..<12])) {
                heard.holders.insert(mac)
            }
        default: return
        }
    }

    private static func address(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> IPv6Address {
        IPv6Address(
            high: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)),
            low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)))
    }

    /// IPv6 with hop-by-hop options, ICMPv6, or UDP to VXLAN's port; the first 96 bytes of it.
    private static func filter(_ port: UInt16) -> [sock_filter] {
        func load(_ size: Int32, _ offset: UInt32) -> sock_filter {
            sock_filter(code: UInt16(BPF_LD | size | BPF_ABS), jt: 0, jf: 0, k: offset)
        }
        func isEqual(_ value: UInt32, _ yes: UInt8, _ no: UInt8) -> sock_filter {
            sock_filter(code: UInt16(BPF_JMP | BPF_JEQ | BPF_K), jt: yes, jf: no, k: value)
        }
        return [
            load(BPF_H, 12), isEqual(0x86dd, 0, 7), load(BPF_B, 20), isEqual(0, 4, 0), isEqual(58, 3, 0),
            isEqual(17, 0, 3), load(BPF_H, 56), isEqual(UInt32(port), 0, 1),
            sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: 96),
            sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: 0),
        ]
    }

    var watched: [Int32] { [] }
    func isReady(_ descriptor: Int32) {}
    var deadline: ContinuousClock.Instant? { nil }
    func deadlineIsOver() {}
}
