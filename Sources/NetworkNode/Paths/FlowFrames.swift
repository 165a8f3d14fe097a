import Addressing
import Frames
import NetworkModel
import NodePorts

/// Frames of a flow, each with a probe's mark.
struct FlowFrames {
    let flow: PathFlow
    let nonce: ProbeNonce

    /// Where the mark begins: behind Ethernet and IPv6, and the header of the flow.
    var offset: Int { 14 + 40 + (isTCP ? 20 : 8) }
    private var isTCP: Bool { if case .tcp = flow { true } else { false } }
    /// No guard looks at checksums. Should a filter have gone before the last frame, the guest drops it all the same: one
    /// in 65,536 nonces makes this the right one.
    private static let spoilt = Checksum.wrong(0x6b63)
    /// Out of the dynamic ports (RFC 6335 section 6).
    private var sourcePort: UInt16 { 0xc000 | UInt16(truncatingIfNeeded: nonce.low >> 16) & 0x3fff }

    /// Several full segments as a guest's TCP hands them to its device, to a port that policies may let in.
    func stream(
        round: Int, isFirst: Bool, from own: PathEnd.Guest, to other: PathEnd.Guest, mtu: MTU
    ) -> CrossingOrder.SegmentStream {
        typealias Stream = CrossingOrder.SegmentStream
        let segment = mtu.bytes - (Stream.headers - 14)
        let data = (0..<Stream.count).flatMap { place in
            let mark = ProbeMark(.segment, isFirst: isFirst, number: UInt16(round * Stream.count + place)).bytes(nonce)
            return mark + [UInt8](repeating: 0, count: max(0, segment - mark.count))
        }
        // Port 9 is "discard" (RFC 863).
        let port: UInt16 = if case .tcp(let port) = flow { port } else { 9 }
        // The sum over the pseudo-header alone, which whoever fills the checksum in adds to.
        let length = Stream.headers - 54 + data.count
        let sum = ~Checksum.value(
            source: own.address, destination: other.address, protocol: NextHeader.tcp,
            message: repeatElement(0, count: length))
        let content = TCPSegment(
            from: sourcePort, to: port, [.ack, .psh], sequence: UInt32(1 + round * data.count), acknowledgement: 1,
            data, checksum: .wrong(sum))
        return Stream(
            bytes: EthernetFrame(
                to: other.mac, from: own.mac, .ipv6(IPv6Packet(from: own.address, to: other.address, .tcp(content)))
            ).bytes, segment: segment)
    }

    /// As a guest that looks for the other one's MAC, to the group that the other one listens to (RFC 4291 section 2.7.1),
    /// but for an address that nobody has: no guest answers, and none learns anything.
    /// - Returns: nil for a nonce that is no unicast address, which a guard may drop.
    func solicitation(from own: PathEnd.Guest, to other: PathEnd.Guest) -> [UInt8]? {
        let target = IPv6Address(high: nonce.high, low: nonce.low)
        guard !target.isMulticast, !target.isUnspecified else { return nil }
        let group = IPv6Address(high: 0xff02 << 48, low: 0x1_ff00_0000 | other.address.low & 0xff_ffff)
        return EthernetFrame(
            to: MACAddress(0x3333_0000_0000 | group.low & 0xffff_ffff), from: own.mac,
            .ipv6(
                IPv6Packet(
                    from: own.address, to: group, hopLimit: 255,
                    .icmpv6(
                        ICMPv6Message(.neighbourSolicitation(target: target, [.sourceLinkLayer(own.mac)])))))
        ).bytes
    }

    func frame(_ mark: ProbeMark, from own: PathEnd.Guest, to other: PathEnd.Guest, mtu: MTU) -> [UInt8] {
        var data = mark.bytes(nonce)
        if mark.kind == .largeMarked {
            data += [UInt8](repeating: 0, count: max(0, mtu.bytes - (offset - 14) - data.count))
        }
        let content: IPv6Packet.Content =
            switch flow {
            case .echo:
                .icmpv6(
                    ICMPv6Message(
                        .echo(
                            isReply: false, identifier: UInt16(truncatingIfNeeded: nonce.low), sequence: mark.number,
                            data: data), checksum: Self.spoilt))
            case .udp(let port): .udp(UDPDatagram(from: sourcePort, to: port, data, checksum: Self.spoilt))
            case .tcp(let port):
                .tcp(
                    TCPSegment(
                        from: sourcePort, to: port, .syn, sequence: UInt32(mark.number), data, checksum: Self.spoilt))
            }
        return EthernetFrame(
            to: other.mac, from: own.mac, .ipv6(IPv6Packet(from: own.address, to: other.address, content))
        ).bytes
    }
}
