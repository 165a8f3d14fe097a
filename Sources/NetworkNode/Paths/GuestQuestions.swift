import Addressing
import Frames
import NetworkModel

/// What a guest is asked at its port, and what its answers say.
struct GuestQuestions {
    let own: PathEnd.Guest
    let other: PathEnd.Guest
    let nonce: ProbeNonce
    /// nil: nothing is asked about size.
    let mtu: MTU?

    /// Is the address there, is anybody there, does an echo come back, has it taken the other's address, from where would
    /// it send, and in frames of what size?
    var frames: [[UInt8]] {
        // Not the nonce: what has it is taken out at ports.
        func ask(_ target: IPv6Address, from source: IPv6Address, number: UInt16) -> [UInt8] {
            frame(IPv6Packet(from: source, to: target, .icmpv6(echo(number))))
        }
        return [
            solicitation(own.address, from: other.address), solicitation(.linkLocal(own.mac), from: other.address),
            // As somebody who looks whether the address is free: its holder would defend it (RFC 4862 section 5.4.3).
            solicitation(other.address, from: .unspecified),
            ask(own.address, from: other.address, number: 0),
            ask(.linkLocal(own.mac), from: .linkLocal(other.mac), number: 1),
            choice,
        ] + large
    }

    private func echo(_ number: UInt16, filling: Int = 0) -> ICMPv6Message {
        ICMPv6Message(
            .echo(
                isReply: false, identifier: UInt16(truncatingIfNeeded: nonce.low), sequence: number,
                data: nonce.bytes.map { ~$0 } + [UInt8](repeating: 0, count: filling)))
    }

    private func frame(_ packet: IPv6Packet) -> [UInt8] {
        EthernetFrame(to: own.mac, from: other.mac, .ipv6(packet)).bytes
    }

    /// To all nodes: an answer to a group comes from an address that the guest chooses for whoever asked.
    private var choice: [UInt8] {
        let allNodes = IPv6Address(high: 0xff02 << 48, low: 1)
        return EthernetFrame(
            to: MACAddress(0x3333_0000_0001), from: other.mac,
            .ipv6(IPv6Packet(from: other.address, to: allNodes, hopLimit: 255, .icmpv6(echo(Self.choiceNumber))))
        ).bytes
    }
    private static let choiceNumber: UInt16 = 2
    private static let largeNumber: UInt16 = 3

    /// An echo request in two pieces that is larger than the segment carries: the answer comes in pieces too, if the guest
    /// knows how large its frames may be. A link-local address may send none (`DropExplanation.fragment`).
    private var large: [[UInt8]] {
        guard let mtu, !own.address.isLinkLocal, !other.address.isLinkLocal else { return [] }
        let whole = IPv6Packet.Content.icmpv6(echo(Self.largeNumber, filling: mtu.bytes))
            .bytes(from: other.address, to: own.address)
        // All pieces but the last are a multiple of 8 bytes (RFC 8200 section 4.5).
        let first = (whole.count / 2) & ~7
        return [(0, whole[..<first]), (first, whole[first...])].map { offset, piece in
            frame(
                IPv6Packet(
                    from: other.address, to: own.address,
                    through: [
                        .fragment(
                            offset: UInt16(offset / 8), more: offset == 0,
                            identification: UInt32(truncatingIfNeeded: nonce.high))
                    ], .raw(protocol: NextHeader.icmpv6, Array(piece))))
        }
    }

    private func solicitation(_ target: IPv6Address, from source: IPv6Address) -> [UInt8] {
        // ff02::1:ff00:0/104 (RFC 4291 section 2.7.1), 33:33 and its last four bytes (RFC 2464 section 7).
        let group = IPv6Address(high: 0xff02 << 48, low: 0x1_ff00_0000 | target.low & 0xff_ffff)
        let mac = MACAddress(0x3333_0000_0000 | group.low & 0xffff_ffff)
        let message = ICMPv6Message(
            .neighbourSolicitation(
                target: target, source.isUnspecified ? [] : [.sourceLinkLayer(other.mac)]))
        return EthernetFrame(
            to: mac, from: other.mac, .ipv6(IPv6Packet(from: source, to: group, hopLimit: 255, .icmpv6(message)))
        ).bytes
    }

    func finding(_ answers: [[UInt8]]) -> GuestFinding {
        var finding = GuestFinding(attachment: own.attachment, isNeighbour: false, answersEcho: false)
        for bytes in answers {
            // What else it sends meanwhile is not about these questions.
            guard let frame = try? EthernetFrame(parsing: bytes), case .ipv6(let packet) = frame.payload,
                case .icmpv6(let message) = packet.content
            else { continue }
            switch message.body {
            case .neighbourAdvertisement(_, let target, _):
                if target == own.address { finding.isNeighbour = true }
                if target == other.address { finding.claimsOther = true }
                if target == own.address || target == .linkLocal(own.mac) { finding.isPresent = true }
            case .echo(isReply: true, let identifier, let number, _):
                guard identifier == UInt16(truncatingIfNeeded: nonce.low) else { continue }
                if number == 0 {
                    finding.answersEcho = true
                    finding.answersTo = frame.destination
                }
                if number == Self.choiceNumber, packet.source != own.address, !packet.source.isLinkLocal {
                    finding.chosenSource = packet.source
                }
                // In one piece. A veth refuses it; a tap takes it, and then the bridge drops it.
                if number == Self.largeNumber { finding.refused += 1 }
                finding.isPresent = true
            default: continue
            }
            if frame.source != own.mac { finding.foreignMAC = frame.source }
        }
        return finding
    }
}
