import Addressing
import Frames

/// One TCP segment far larger than a packet, as a guest's kernel hands it to its device: with the order to cut it
/// (generic segmentation offload), and with a checksum that is still to be computed.
package struct OffloadBurst: Sendable {
    /// Of each packet it is to be cut into (`gso_size`, linux/virtio_net.h), for a segment's MTU of 1,430 bytes: 40 of IPv6
    /// and 20 of TCP are not payload.
    package static let segment = 1370
    /// Whole packets, and one that is not full.
    static let packets = 8
    static let rest = 100
    /// Where TCP begins in the frame, and where its checksum is in TCP (RFC 9293 section 3.1).
    package static let checksumStart = 54
    package static let checksumOffset = 16
    /// Ethernet, IPv6 and TCP.
    package static let headers = 74

    static let destination = MACAddress(0x02_6b_63_00_00_02)
    static let sourcePort: UInt16 = 40_001
    static let sequence: UInt32 = 1
    private static let source = MACAddress(0x02_6b_63_00_00_01)
    // 2001:db8::/32 is for documentation (RFC 3849).
    private static let from = IPv6Address(high: 0x2001_0db8 << 32, low: 1)
    private static let to = IPv6Address(high: 0x2001_0db8 << 32, low: 2)

    /// No two parts of it are the same, so that none can stand for another.
    static let payload: [UInt8] = (0..<(segment * packets + rest)).map {
        UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8)
    }

    /// A small frame that says whether anything arrives yet.
    package static var hello: [UInt8] { frame(payload: [], port: sourcePort + 1, checksum: .right).bytes }

    /// The whole frame: its checksum field has the sum over the pseudo-header, as CHECKSUM_PARTIAL wants it
    /// (include/linux/skbuff.h).
    package static var frame: [UInt8] {
        frame(payload: payload, port: sourcePort, checksum: .wrong(pseudoHeaderSum(20 + payload.count))).bytes
    }

    static func isHello(_ port: UInt16) -> Bool { port == sourcePort + 1 }

    private static func frame(payload: [UInt8], port: UInt16, checksum: Checksum) -> EthernetFrame {
        let segment = TCPSegment(from: port, to: 9, .ack, sequence: sequence, payload, checksum: checksum)
        return EthernetFrame(to: destination, from: source, .ipv6(IPv6Packet(from: from, to: to, .tcp(segment))))
    }

    /// RFC 8200 section 8.1, not inverted.
    private static func pseudoHeaderSum(_ length: Int) -> UInt16 {
        var sum = UInt64(length) + UInt64(NextHeader.tcp)
        for word in [from.high, from.low, to.high, to.low] { sum += (word >> 32) + (word & 0xffff_ffff) }
        while sum > 0xffff { sum = (sum >> 16) + (sum & 0xffff) }
        return UInt16(sum)
    }
}
