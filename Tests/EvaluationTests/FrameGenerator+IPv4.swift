import Addressing
import Frames
import SeededRandomness

/// ARP and IPv4 of segments that have it: honest, nearly right and hidden ones.
extension FrameGenerator {
    mutating func legacy(_ port: World.Port, _ sender: Int, _ mac: MACAddress) -> EthernetFrame {
        if chance(30) { return arp(port, mac) }
        let source = chance(75) ? port.ipv4 ?? anyIPv4() : anyIPv4()
        let destination = chance(80) ? world.ports.compactMap(\.ipv4).randomElement(using: &random) : nil
        return ipv4(from: source, to: destination ?? anyIPv4(), mac)
    }

    private mutating func arp(_ port: World.Port, _ mac: MACAddress) -> EthernetFrame {
        let operation: UInt16 = pick([1, 1, 1, 2, 2, 2, 3, 8])
        let hardware = chance(85) ? mac : pick(world.ports).mac
        let sender = chance(60) ? port.ipv4 ?? anyIPv4() : chance(40) ? IPv4Address(0) : anyIPv4()
        let target = chance(40) ? port.ipv4 ?? anyIPv4() : anyIPv4()
        let kind: [UInt8] = chance(95) ? [0, 1, 8, 0, 6, 4] : pick([[0, 6, 8, 0, 6, 4], [0, 1, 0x86, 0xdd, 6, 16]])
        let bytes =
            kind + [UInt8(operation >> 8), UInt8(operation & 255)] + hardware.bytes + Self.bytes(sender)
            + (chance(70) ? [0, 0, 0, 0, 0, 0] : pick(world.ports).mac.bytes) + Self.bytes(target)
            + (chance(30) ? array(18) : [])
        return EthernetFrame(
            to: chance(60) ? MACAddress(0xffff_ffff_ffff) : pick(world.ports).mac, from: mac,
            .other(type: EtherType.arp, bytes))
    }

    private mutating func ipv4(from source: IPv4Address, to destination: IPv4Address, _ mac: MACAddress)
        -> EthernetFrame
    {
        if chance(6) { return client(mac) }
        if chance(18), let flow = legacyFlows.randomElement(using: &random) {
            // The other direction of something that was drawn.
            let (number, content) = (flow.number, Array(flow.ports[2...] + flow.ports[..<2]) + flow.rest)
            return frame(header(flow.destination, flow.source, number, content.count) + content, flow.source, mac)
        }
        let (number, content) = transport()
        if number == 6 || number == 17, content.count >= 8 {
            let flow = LegacyFlow(
                source: source, destination: destination, number: number, ports: Array(content[..<4]),
                rest: Array(content[4...]))
            legacyFlows = (legacyFlows + [flow]).suffix(100)
        }
        if chance(18) { return piece(source, destination, number, content, mac) }
        var options: [UInt8] = []
        if chance(6) { options = pick([[0x94, 4, 0, 0], [1, 1, 1, 0], array(4)]) }
        return frame(
            header(source, destination, number, content.count, options: options) + content, destination, mac)
    }

    /// A DHCP client that has no address, or something like it.
    private mutating func client(_ mac: MACAddress) -> EthernetFrame {
        let ports: [UInt8] = pick([[0, 68, 0, 67], [0, 68, 0, 67], [0, 67, 0, 68], [0, 68, 0, 53]])
        let content = ports + [0, 20, 0, 0] + array(12)
        let everybody = IPv4Address(chance(85) ? 0xffff_ffff : 0x0a00_0001)
        let fragment: UInt16 = chance(85) ? 0x4000 : 0x2000
        return frame(
            header(IPv4Address(0), everybody, 17, content.count, fragment: fragment) + content, everybody, mac)
    }

    private mutating func piece(
        _ source: IPv4Address, _ destination: IPv4Address, _ number: UInt8, _ content: [UInt8], _ mac: MACAddress
    ) -> EthernetFrame {
        let whole = content + array(48)
        let cut = pick([8, 16, 24, 24, 40])
        let identification: UInt16 = pick([1, 2, UInt16(truncatingIfNeeded: random.next())])
        let first =
            header(source, destination, number, cut, fragment: 0x2000, identification: identification)
            + whole[..<cut]
        let rest =
            header(
                source, destination, number, whole.count - cut, fragment: UInt16(cut / 8),
                identification: identification) + whole[cut...]
        let frames = [frame(first, destination, mac), frame(rest, destination, mac)]
        let sender = world.ports.firstIndex { $0.mac == mac }
        if chance(20) { return frames[1] }
        if let sender { pieces = ([(sender, frames[1])] + pieces).suffix(40) }
        return frames[0]
    }

    private mutating func transport() -> (UInt8, [UInt8]) {
        func words(_ first: UInt16, _ second: UInt16) -> [UInt8] {
            [UInt8(first >> 8), UInt8(first & 255), UInt8(second >> 8), UInt8(second & 255)]
        }
        switch Int.random(in: 0..<10, using: &random) {
        case 0...2: return (17, words(port(), port()) + [0, 12, 0, 0] + array(4))
        case 3...5:
            let flags: UInt8 = pick([2, 2, 0x12, 0x10, 0x18, 0x11, 0x04, 0])
            return (6, words(port(), port()) + array(8) + [0x50, flags, 0, 0, 0, 0, 0, 0] + array(4))
        case 6: return (1, [pick([0, 8]), 0] + array(10))
        case 7:
            let quoted = header(anyIPv4(), pick(world.ports).ipv4 ?? anyIPv4(), 17, 8) + array(8)
            return (1, [pick([3, 3, 11, 12, 5, 4, 9, 10, 13]), 0, 0, 0] + array(4) + quoted)
        case 8: return (2, [pick([0x11, 0x12, 0x16, 0x17, 0x22]), 0, 0, 0, 0xe0, 0, 0, 5])
        default: return (pick([4, 41, 47, 50, 51, 89, 112, 132, 136, 253]), array(12))
        }
    }

    private mutating func port() -> UInt16 { pick([22, 53, 67, 68, 80, 443, 1000, 1500, 2000, 40_000, portNumber()]) }

    private mutating func header(
        _ source: IPv4Address, _ destination: IPv4Address, _ number: UInt8, _ length: Int, options: [UInt8] = [],
        fragment: UInt16 = 0x4000, identification: UInt16 = 0
    ) -> [UInt8] {
        var total = 20 + options.count + length
        if chance(3) { total = pick([0, 20, 60, 2000]) }
        let reports = number == 2
        let options = reports && options.isEmpty && chance(80) ? [0x94, 4, 0, 0] : options
        if reports { total = 20 + options.count + length }
        return [
            0x40 | UInt8(5 + options.count / 4), 0, UInt8(total >> 8 & 255), UInt8(total & 255),
            UInt8(identification >> 8), UInt8(identification & 255), UInt8(fragment >> 8), UInt8(fragment & 255),
            reports ? 1 : 64, number, 0, 0,
        ] + Self.bytes(source) + Self.bytes(destination) + options
    }

    private mutating func frame(_ bytes: [UInt8], _ destination: IPv4Address, _ mac: MACAddress) -> EthernetFrame {
        let holder = world.ports.first { $0.ipv4 == destination }?.mac
        let isWide = destination.value >> 28 >= 0xe
        let unknown = MACAddress(0x02ff_0000_0000 | random.next() & 0xffff)
        let target = isWide ? MACAddress(0xffff_ffff_ffff) : chance(60) ? holder : unknown
        return EthernetFrame(
            to: target ?? MACAddress(0xffff_ffff_ffff), from: mac, .other(type: EtherType.ipv4, bytes))
    }

    private mutating func anyIPv4() -> IPv4Address {
        pick([
            IPv4Address(0), IPv4Address(0xffff_ffff), IPv4Address(0xe000_0001), IPv4Address(0x0a00_00ff),
            IPv4Address(0xc0a8_0001), IPv4Address(0xc633_6407), world.ports.compactMap(\.ipv4).first ?? IPv4Address(1),
        ])
    }

    static func bytes(_ address: IPv4Address) -> [UInt8] {
        (0..<4).map { UInt8(address.value >> (24 - 8 * $0) & 255) }
    }
}

/// A flow of IPv4 that was drawn, so that its answers can be.
struct LegacyFlow {
    var source: IPv4Address
    var destination: IPv4Address
    var number: UInt8
    /// Source and destination.
    var ports: [UInt8]
    var rest: [UInt8]
}
