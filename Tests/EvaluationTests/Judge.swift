import Addressing
import NFTables

/// What a neighbour's stack would make of a frame that reached it: a second opinion, which knows nothing of the guard's
/// rules. It reads through tags, framings and header chains, puts fragments together, and names what no guest may send.
struct Judge {
    let world: World
    private var pieces: [PieceKey: [Piece]] = [:]

    private struct PieceKey: Hashable {
        var sender: Int
        var addresses: [UInt8]
        var identification: [UInt8]
    }

    private struct Piece: Hashable {
        var offset: Int
        var isLast: Bool
        var next: UInt8
        var bytes: [UInt8]
    }

    init(_ world: World) { self.world = world }

    /// - Returns: what is wrong with a frame that came from this port; nil when nothing is.
    mutating func complaint(_ bytes: [UInt8], from sender: Int) -> String? {
        let port = world.ports[sender]
        guard ![.gateway, .tunnel, .external].contains(port.kind) else { return nil }
        if Array(bytes[6..<12]) != port.mac.bytes { return "a foreign source MAC" }
        let type = Int(bytes[12]) << 8 | Int(bytes[13])
        if type < 0x600 { return "802.3 framing" }
        if [0x8100, 0x88a8, 0x9100, 0x9200].contains(type) { return "a VLAN tag" }
        if [0x0800, 0x0806, 0x8035].contains(type) { return complaintIPv4(type, Array(bytes[14...]), port) }
        guard type == 0x86dd else { return port.kind == .layer2 ? nil : "ethertype \(type)" }
        let packet = Array(bytes[14...])
        guard packet.count >= 40 else { return nil }
        let source = IPv6Address(bytes: packet[8..<24]) ?? .unspecified
        if port.kind != .layer2, !owns(source, port), !source.isUnspecified { return "source \(source)" }
        let length = Int(packet[4]) << 8 | Int(packet[5])
        // A receiver drops what is shorter than it says, and cuts what is longer.
        guard packet[0] >> 4 == 6, 40 + length <= packet.count else { return nil }
        return judge(packet[6], Array(packet[40..<40 + length]), packet, sender, 0)
    }

    private func owns(_ address: IPv6Address, _ port: World.Port) -> Bool {
        port.addresses.contains(address) || port.kind == .router && address.high == World.routed.high
    }

    private mutating func judge(
        _ next: UInt8, _ bytes: [UInt8], _ packet: [UInt8], _ sender: Int, _ depth: Int
    ) -> String? {
        guard depth < 20 else { return nil }
        switch next {
        case 0, 43, 60:
            guard bytes.count >= 8 else { return nil }
            let length = (Int(bytes[1]) + 1) * 8
            guard length <= bytes.count else { return nil }
            return judge(bytes[0], Array(bytes[length...]), packet, sender, depth + 1)
        case 51:
            guard bytes.count >= 8 else { return nil }
            let length = (Int(bytes[1]) + 2) * 4
            guard length <= bytes.count else { return nil }
            return judge(bytes[0], Array(bytes[length...]), packet, sender, depth + 1)
        case 44: return fragment(bytes, packet, sender, depth)
        case 17:
            guard bytes.count >= 8 else { return nil }
            return Int(bytes[2]) << 8 | Int(bytes[3]) == 546 ? "to a DHCPv6 client's port" : nil
        case 58: return icmp(bytes, packet, world.ports[sender])
        default: return nil
        }
    }

    private mutating func fragment(_ bytes: [UInt8], _ packet: [UInt8], _ sender: Int, _ depth: Int) -> String? {
        guard bytes.count >= 8 else { return nil }
        let offset = (Int(bytes[2]) << 8 | Int(bytes[3])) & ~7
        let isLast = bytes[3] & 1 == 0
        let piece = Piece(offset: offset, isLast: isLast, next: bytes[0], bytes: Array(bytes[8...]))
        if offset == 0, isLast { return judge(bytes[0], piece.bytes, packet, sender, depth + 1) }
        let key = PieceKey(
            sender: sender, addresses: Array(packet[8..<40]), identification: Array(bytes[4..<8]))
        if !pieces[key, default: []].contains(piece) { pieces[key, default: []].append(piece) }
        let all = pieces[key] ?? []
        // Whichever of several pieces for one place a stack may take.
        for order in [all, all.reversed()] {
            for first in order where first.offset == 0 {
                guard let whole = whole(order, first) else { continue }
                if let found = judge(first.next, whole, packet, sender, depth + 1) { return "in fragments, " + found }
            }
        }
        return nil
    }

    private func whole(_ order: [Piece], _ first: Piece) -> [UInt8]? {
        var bytes: [UInt8?] = []
        var end: Int?
        for piece in [first] + order {
            if piece.isLast { end = piece.offset + piece.bytes.count }
            let missing = piece.offset + piece.bytes.count - bytes.count
            if missing > 0 { bytes += [UInt8?](repeating: nil, count: missing) }
            for (index, byte) in piece.bytes.enumerated() where bytes[piece.offset + index] == nil {
                bytes[piece.offset + index] = byte
            }
        }
        guard let end, end <= bytes.count else { return nil }
        let known = bytes[..<end].compactMap { $0 }
        return known.count == end ? known : nil
    }

    private func icmp(_ bytes: [UInt8], _ packet: [UInt8], _ port: World.Port) -> String? {
        guard let type = bytes.first else { return nil }
        switch type {
        case 130: return "an MLD query"
        case 134: return "a router advertisement"
        case 137: return "a redirect"
        case 133, 135, 136: break
        case 1...4, 128, 129, 131, 132, 143: return nil
        default: return "ICMPv6 type \(type)"
        }
        // Receivers ignore others (RFC 4861 sections 6.1.1, 7.1.1, 7.1.2).
        guard packet[7] == 255, bytes.count >= (type == 133 ? 8 : 24), bytes[1] == 0, port.kind != .layer2 else {
            return nil
        }
        if type != 133 {
            let target = IPv6Address(bytes: bytes[8..<24]) ?? .unspecified
            let isClaim = type == 135 && packet[8..<24].allSatisfy { $0 == 0 }
            let isClaimable = [World.segment.high, 0xfe80 << 48].contains(target.high)
            let isOthers =
                target == World.heldElsewhere
                || world.ports.contains { $0.name != port.name && $0.addresses.contains(target) }
            if isClaim, !owns(target, port), !isClaimable || isOthers { return "a claim of \(target)" }
            if type == 136, !owns(target, port) { return "an advertisement of \(target)" }
            if type == 136, bytes[4] & 0x80 != 0 { return "an advertisement of a router" }
        }
        var options = Array(bytes[(type == 133 ? 8 : 24)...])
        while options.count >= 2, options[1] > 0, Int(options[1]) * 8 <= options.count {
            if options[0] == 1 || options[0] == 2, Array(options[2..<8]) != port.mac.bytes {
                return "a link-layer address of another"
            }
            options.removeFirst(Int(options[1]) * 8)
        }
        return nil
    }
}
