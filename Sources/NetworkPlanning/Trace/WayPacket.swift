package import Addressing
import Frames
package import NetworkModel

/// The packet that is followed: as much of it as rules look at.
package struct WayPacket: Hashable, Sendable {
    package enum Content: Hashable, Sendable {
        case tcp(from: UInt16, to: UInt16, isAnswer: Bool)
        case udp(from: UInt16, to: UInt16)
        case icmpv6(type: UInt8)
        /// Of IPv4.
        case icmp(type: UInt8)
    }

    /// Both addresses are IPv4-mapped: the packet is one of IPv4.
    package var isIPv4: Bool { source.isIPv4Mapped && destination.isIPv4Mapped }

    package var source: IPv6Address
    package var destination: IPv6Address
    package var content: Content

    package init(_ flow: TraceFlow, fromPort: UInt16, from source: IPv6Address, to destination: IPv6Address) {
        self.source = source
        self.destination = destination
        content =
            switch flow {
            case .tcp(let port): .tcp(from: fromPort, to: port, isAnswer: false)
            case .udp(let port): .udp(from: fromPort, to: port)
            case .icmpv6(let type): .icmpv6(type: type)
            case .icmp(let type): .icmp(type: type)
            }
    }

    /// What whoever gets it sends back; nil where nothing is.
    package var answer: WayPacket? {
        var answer = self
        (answer.source, answer.destination) = (destination, source)
        switch content {
        case .tcp(let from, let to, _): answer.content = .tcp(from: to, to: from, isAnswer: true)
        case .udp(let from, let to): answer.content = .udp(from: to, to: from)
        case .icmpv6(type: 128): answer.content = .icmpv6(type: 129)
        case .icmp(type: 8): answer.content = .icmp(type: 0)
        case .icmpv6, .icmp: return nil
        }
        return answer
    }

    /// IANA's number.
    package var transport: UInt8 {
        switch content {
        case .tcp: NextHeader.tcp
        case .udp: NextHeader.udp
        case .icmpv6: NextHeader.icmpv6
        // IANA, Assigned Internet Protocol Numbers.
        case .icmp: 1
        }
    }

    /// As a frame between two ports of a segment.
    package func frame(to destinationMAC: MACAddress, from sourceMAC: MACAddress) -> [UInt8] {
        let payload: EthernetFrame.Payload =
            isIPv4 ? .other(type: EtherType.ipv4, ipv4Bytes) : .ipv6(packet)
        return EthernetFrame(to: destinationMAC, from: sourceMAC, payload).bytes
    }

    /// From the IPv6 header on.
    package var bytes: [UInt8] { packet.bytes }

    private var packet: IPv6Packet {
        var hopLimit: UInt8 = 64
        let content: IPv6Packet.Content
        switch self.content {
        case .tcp(let from, let to, let isAnswer):
            content = .tcp(TCPSegment(from: from, to: to, isAnswer ? [.syn, .ack] : .syn))
        case .udp(let from, let to): content = .udp(UDPDatagram(from: from, to: to, []))
        case .icmpv6(let type):
            // Neighbor Discovery is from next door (RFC 4861).
            if (133...137).contains(type) { hopLimit = 255 }
            content = .icmpv6(ICMPv6Message(message(type)))
        case .icmp: content = .raw(protocol: transport, icmpBytes)
        }
        return IPv6Packet(from: source, to: destination, hopLimit: hopLimit, content)
    }

    /// From the IPv4 header on (RFC 791 section 3.1): no options, not to be fragmented.
    private var ipv4Bytes: [UInt8] {
        // The pseudo-header of IPv4-mapped addresses sums up to the same as that of the IPv4 ones (RFC 1071): what is more
        // are two words of ones.
        let content = packet.content.bytes(from: source, to: destination)
        let length = 20 + content.count
        var header: [UInt8] = [
            0x45, 0, UInt8(length >> 8 & 0xff), UInt8(length & 0xff), 0, 0, 0x40, 0, 64, transport, 0, 0,
        ]
        for address in [source, destination] {
            header += (0..<4).map { UInt8(truncatingIfNeeded: address.low >> (24 - 8 * UInt64($0))) }
        }
        Self.sumUp(&header, at: 10)
        return header + content
    }

    /// An echo with its identifier and number; of other types the same eight bytes.
    private var icmpBytes: [UInt8] {
        guard case .icmp(let type) = content else { return [] }
        var bytes: [UInt8] = [type, 0, 0, 0, 0, 1, 0, 1]
        Self.sumUp(&bytes, at: 2)
        return bytes
    }

    /// The checksum of RFC 1071 over an even number of bytes, into a field of them that is zero.
    private static func sumUp(_ bytes: inout [UInt8], at field: Int) {
        var sum: UInt32 = 0
        for index in stride(from: 0, to: bytes.count, by: 2) {
            sum += UInt32(bytes[index]) << 8 | UInt32(bytes[index + 1])
        }
        while sum > 0xffff { sum = (sum >> 16) + (sum & 0xffff) }
        (bytes[field], bytes[field + 1]) = (UInt8(~sum >> 8 & 0xff), UInt8(~sum & 0xff))
    }

    private func message(_ type: UInt8) -> ICMPv6Message.Body {
        switch type {
        case 1...4:
            // An error about a packet that its sender got from where it goes now.
            let invoking = IPv6Packet(from: destination, to: source, .udp(UDPDatagram(from: 1, to: 1, [])))
            return .failure(type: type, parameter: type == 2 ? 1280 : 0, invoking: invoking.bytes)
        case 128, 129: return .echo(isReply: type == 129, identifier: 1, sequence: 1, data: [])
        case 133: return .routerSolicitation([])
        case 134: return .routerAdvertisement(.init())
        case 135: return .neighbourSolicitation(target: destination, [])
        case 136: return .neighbourAdvertisement([.solicited], target: source, [])
        default: return .other(type: type, [0, 0, 0, 0])
        }
    }
}
