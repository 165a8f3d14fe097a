import Addressing
import Diagnosis
import Frames
import Testing

/// What is made of a large frame that went through a tunnel, right and wrong.
@Suite struct OffloadCheckTests {
    /// What a right kernel makes of the burst: the frames behind the tunnel.
    static func cut() throws -> [EthernetFrame] {
        let whole = try EthernetFrame(parsing: OffloadBurst.frame)
        guard case .ipv6(let packet) = whole.payload, case .tcp(let segment) = packet.content else { throw Wrong() }
        var frames: [EthernetFrame] = []
        var rest = segment.payload[...]
        while !rest.isEmpty {
            var part = segment
            part.payload = Array(rest.prefix(OffloadBurst.segment))
            part.sequence = segment.sequence + UInt32(segment.payload.count - rest.count)
            part.checksum = .right
            var piece = packet
            piece.content = .tcp(part)
            var frame = whole
            frame.payload = .ipv6(piece)
            frames.append(frame)
            rest = rest.dropFirst(OffloadBurst.segment)
        }
        return frames
    }

    /// The same in the tunnel.
    static func wrapped(_ frame: EthernetFrame, checksum: Checksum = .right) throws -> OffloadCheck.Frame {
        let tunnel = VXLANPacket(try VNI(1), frame.bytes)
        let datagram = UDPDatagram(from: 50000, to: VXLANPacket.port, tunnel.bytes, checksum: checksum)
        let packet = IPv6Packet(
            from: IPv6Address(high: 0xfd00 << 48, low: 1), to: IPv6Address(high: 0xff15 << 48, low: 1), .udp(datagram))
        return .init(EthernetFrame(to: MACAddress(0x3333_0000_0001), from: MACAddress(2), .ipv6(packet)).bytes)
    }

    static func check(
        wire: [EthernetFrame]? = nil, end: [EthernetFrame]? = nil, outer: Checksum = .right, isOpen: Bool = false,
        mtu: Int = 1500
    ) throws -> Check {
        let right = try cut()
        return OffloadCheck(
            wire: try (wire ?? right).map { try wrapped($0, checksum: outer) },
            arrived: (end ?? right).map { .init($0.bytes, isChecksumOpen: isOpen) }, mtu: mtu
        ).check
    }

    private static func damaged(_ frame: EthernetFrame, _ change: (inout TCPSegment) -> Void) throws -> EthernetFrame {
        guard case .ipv6(var packet) = frame.payload, case .tcp(var segment) = packet.content else { throw Wrong() }
        change(&segment)
        packet.content = .tcp(segment)
        var frame = frame
        frame.payload = .ipv6(packet)
        return frame
    }

    @Test func `right packets of the right size are`() throws {
        let check = try Self.check()
        #expect(check.level == .ok, "\(check)")
        #expect(check.what.contains("9 packets of at most 1500 bytes"), "\(check.what)")
    }

    @Test func `in any order, and one twice, they are as well`() throws {
        let frames = try Self.cut()
        #expect(try Self.check(wire: frames.reversed() + [frames[3]], end: frames.reversed()).level == .ok)
    }

    @Test func `behind the tunnel the kernel may have put them together again, with a checksum that is open`() throws {
        let whole = try EthernetFrame(parsing: OffloadBurst.frame)
        #expect(try Self.check(end: [whole], isOpen: true).level == .ok)
        #expect(try Self.check(end: [whole]).what.hasPrefix("TCP checksums are wrong behind the tunnel"))
    }

    @Test func `each fault is named`() throws {
        let right = try Self.cut()
        var wrongSum = right
        wrongSum[4] = try Self.damaged(right[4]) { $0.checksum = .wrong(0x1234) }
        var wrongByte = right
        wrongByte[4] = try Self.damaged(right[4]) { $0.payload[7] ^= 1 }
        let faults: [(Check, String)] = [
            (try Self.check(wire: []), "nothing of it left the tunnel's device"),
            (try Self.check(mtu: 1499), "packets of 1500 bytes left a device with an MTU of 1499"),
            (try Self.check(outer: .wrong(0x1234)), "UDP checksums of the tunnel's packets are wrong"),
            (try Self.check(wire: wrongSum), "TCP checksums inside the tunnel's packets are wrong"),
            (try Self.check(wire: wrongByte), "11059 of 11060 bytes are in the tunnel's packets"),
            (try Self.check(wire: Array(right.dropLast())), "10960 of 11060 bytes are in the tunnel's packets"),
            (try Self.check(end: wrongSum), "TCP checksums are wrong behind the tunnel"),
            (try Self.check(end: Array(right.dropFirst())), "9690 of 11060 bytes arrive behind the tunnel"),
            (try Self.check(end: []), "0 of 11060 bytes arrive behind the tunnel"),
        ]
        for (check, words) in faults {
            #expect(check.level == .fail && check.what.hasPrefix(words), "\(check.what)")
            #expect(!check.why.isEmpty && !check.next.isEmpty)
        }
    }

    private struct Wrong: Error {}
}
