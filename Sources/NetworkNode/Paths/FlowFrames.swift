import Addressing
import Frames
import NetworkModel

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
