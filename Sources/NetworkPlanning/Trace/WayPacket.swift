package import Addressing
import Frames
package import NetworkModel

/// The packet that is followed: as much of it as rules look at.
package struct WayPacket: Hashable, Sendable {
    package enum Content: Hashable, Sendable {
        case tcp(from: UInt16, to: UInt16, isAnswer: Bool)
        case udp(from: UInt16, to: UInt16)
        case icmpv6(type: UInt8)
    }

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
        case .icmpv6: return nil
        }
        return answer
    }

    /// IANA's number.
    package var transport: UInt8 {
        switch content {
        case .tcp: NextHeader.tcp
        case .udp: NextHeader.udp
        case .icmpv6: NextHeader.icmpv6
        }
    }

    /// As a frame between two ports of a segment.
    package func frame(to destinationMAC: MACAddress, from sourceMAC: MACAddress) -> [UInt8] {
        EthernetFrame(to: destinationMAC, from: sourceMAC, .ipv6(packet)).bytes
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
        }
        return IPv6Packet(from: source, to: destination, hopLimit: hopLimit, content)
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
