import Addressing
import Frames

/// What became of an ``OffloadBurst`` that was put into a tunnel whose underlay device computes nothing itself.
package struct OffloadCheck: Sendable {
    /// One frame as a packet socket shows it.
    package struct Frame: Hashable, Sendable {
        package var bytes: [UInt8]
        /// Its transport checksum is not computed yet; whoever takes it next knows that.
        package var isChecksumOpen: Bool

        package init(_ bytes: [UInt8], isChecksumOpen: Bool = false) {
            self.bytes = bytes
            self.isChecksumOpen = isChecksumOpen
        }
    }

    /// Between the tunnel's ends.
    package var wire: [Frame]
    /// Behind the tunnel.
    package var arrived: [Frame]
    /// Of the device between the ends.
    package var mtu: Int

    package init(wire: [Frame], arrived: [Frame], mtu: Int) {
        self.wire = wire
        self.arrived = arrived
        self.mtu = mtu
    }

    private static let name = "offload"
    /// Of an Ethernet header, which the MTU does not count.
    private static let header = 14

    package var check: Check {
        let packets = wire.compactMap { frame in Self.packet(frame) }
        let large = packets.map(\.length).max() ?? 0
        let whole = Self.count(packets.flatMap(\.segments))
        let end = arrived.flatMap { Self.segments(of: $0.bytes, isChecksumOpen: $0.isChecksumOpen) }
        if packets.isEmpty { return fault("nothing of it left the tunnel's device") }
        if large > mtu { return fault("packets of \(large) bytes left a device with an MTU of \(mtu)") }
        if packets.contains(where: { !$0.isRight }) { return fault("UDP checksums of the tunnel's packets are wrong") }
        if packets.flatMap(\.segments).contains(where: { !$0.isRight }) {
            return fault("TCP checksums inside the tunnel's packets are wrong")
        }
        let wanted = OffloadBurst.payload.count
        if whole < wanted { return fault("\(whole) of \(wanted) bytes are in the tunnel's packets") }
        if end.contains(where: { !$0.isRight }) { return fault("TCP checksums are wrong behind the tunnel") }
        let got = Self.count(end)
        if got < wanted { return fault("\(got) of \(wanted) bytes arrive behind the tunnel") }
        return Check(
            .ok, Self.name,
            "\(wanted) bytes of TCP in one frame leave as \(packets.count) packets of at most \(large) bytes, and arrive right"
        )
    }

    private func fault(_ what: String) -> Check {
        Check(
            .fail, Self.name,
            "\(what), when a guest hands over \(OffloadBurst.payload.count) bytes of TCP in one frame",
            why: "small packets pass and large transfers stall: ping works, ssh hangs",
            next: "use another kernel on this host; until then, in guests: "
                + "ethtool -K DEVICE tso off gso off tx off")
    }

    /// How many bytes of the burst are there, and are those that were sent.
    private static func count(_ segments: [Segment]) -> Int {
        var seen = [Bool](repeating: false, count: OffloadBurst.payload.count)
        for segment in segments {
            let begin = Int(segment.sequence &- OffloadBurst.sequence)
            guard begin >= 0, begin + segment.payload.count <= seen.count else { continue }
            for (offset, byte) in segment.payload.enumerated() where byte == OffloadBurst.payload[begin + offset] {
                seen[begin + offset] = true
            }
        }
        return seen.count { $0 }
    }

    private struct Segment {
        var sequence: UInt32
        var payload: [UInt8]
        var isRight: Bool
    }

    private struct Packet {
        /// With its IPv6 header.
        var length: Int
        var isRight: Bool
        var segments: [Segment]
    }

    /// nil for what has nothing of the burst.
    private static func packet(_ frame: Frame) -> Packet? {
        // Other traffic of new devices, in forms that the parser does not take, is none of the burst's.
        guard let outer = try? EthernetFrame(parsing: frame.bytes), case .ipv6(let packet) = outer.payload,
            case .udp(let datagram) = packet.content, let tunnel = try? VXLANPacket(parsing: datagram.payload)
        else { return nil }
        let segments = segments(of: tunnel.frame, isChecksumOpen: false)
        guard !segments.isEmpty else { return nil }
        return Packet(
            length: frame.bytes.count - header, isRight: datagram.checksum == .right, segments: segments)
    }

    private static func segments(of bytes: [UInt8], isChecksumOpen: Bool) -> [Segment] {
        // As above.
        guard let frame = try? EthernetFrame(parsing: bytes), frame.destination == OffloadBurst.destination,
            case .ipv6(let packet) = frame.payload, case .tcp(let segment) = packet.content,
            !OffloadBurst.isHello(segment.sourcePort)
        else { return [] }
        return [
            Segment(
                sequence: segment.sequence, payload: segment.payload,
                isRight: isChecksumOpen || segment.checksum == .right)
        ]
    }
}
