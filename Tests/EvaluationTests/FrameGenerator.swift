import Addressing
import Frames
import NetworkPlanning
import SeededRandomness

/// Draws frames that a guard has to think about: nearly right ones, hidden ones, and every class of ordinary ones.
struct FrameGenerator {
    let world: World
    var random: SeededGenerator
    /// Flows that left a port, so that answers can be drawn.
    var flows: [Flow] = []
    /// First fragments that were drawn, so that later ones can follow.
    var pieces: [(sender: Int, frame: EthernetFrame)] = []
    /// The same of IPv4.
    var legacyFlows: [LegacyFlow] = []
    private var count: UInt32 = 0

    struct Flow {
        var source: IPv6Address
        var destination: IPv6Address
        var content: IPv6Packet.Content
    }

    struct Draw {
        /// The port it is sent from.
        var sender: Int
        var bytes: [UInt8]
    }

    init(world: World, random: SeededGenerator) {
        self.world = world
        self.random = random
    }

    mutating func draw() -> Draw {
        count += 1
        if chance(4), let piece = pieces.popLast() { return Draw(sender: piece.sender, bytes: piece.frame.bytes) }
        let sender = pick([0, 0, 0, 1, 1, 2, 3, 3, 3, 4, 4, 5, 5, 6, 7, 7, 8, 8, 9])
        var frame = self.frame(from: sender)
        if chance(6) { frame.framing = self.framing() }
        if chance(6) { frame.tags = self.tags() }
        if chance(10) { frame.trailer = array(pick([1, 2, 8, 30])) }
        var bytes = frame.bytes
        if chance(5) { bytes.removeLast(Int.random(in: 1...max(1, bytes.count - 14), using: &random)) }
        if chance(6) {
            let place = Int.random(in: 12..<max(13, min(bytes.count, 90)), using: &random)
            if place < bytes.count {
                bytes[place] = pick([0, 1, 6, 17, 44, 58, 60, 0x60, 0x81, 0xff, bytes[place] ^ 1, bytes[place] ^ 0x80])
            }
        }
        if bytes.count < 14 { bytes += array(14 - bytes.count) }
        if bytes.count > 1500 { bytes.removeLast(bytes.count - 1500) }
        return Draw(sender: sender, bytes: bytes)
    }

    // MARK: Frames

    private mutating func frame(from sender: Int) -> EthernetFrame {
        let port = world.ports[sender]
        let mac = chance(6) ? other(sender).mac : chance(2) ? MACAddress(random.next()) : port.mac
        if world.hasIPv4, chance(45) { return legacy(port, sender, mac) }
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<32: return discovery(port, sender, mac)
        case 32..<37: return reports(port, sender, mac)
        case 37..<42: return ethernet(port, sender, mac)
        case 42..<56: return fragment(port, sender, mac)
        case 56..<66 where !flows.isEmpty: return answer(sender, mac)
        default:
            var packet = packet(port, sender)
            if chance(12) { packet.extensions = chain() }
            if chance(5) { packet.length = .wrong(pick([0, 8, 1000, UInt16(packet.bytes.count - 40) &- 4])) }
            remember(packet)
            return EthernetFrame(to: destinationMAC(packet.destination), from: mac, .ipv6(packet))
        }
    }

    private mutating func discovery(_ port: World.Port, _ sender: Int, _ mac: MACAddress) -> EthernetFrame {
        let isClaim = chance(25)
        var source = isClaim ? IPv6Address.unspecified : self.source(port, sender)
        if chance(3) { source = .unspecified }
        let target = chance(60) ? pick(port.addresses) : anyAddress(sender)
        let optionMAC = chance(80) ? mac : chance(50) ? port.mac : other(sender).mac
        let type = isClaim ? pick([135, 135, 135, 133, 136]) : pick([133, 134, 135, 135, 135, 136, 136, 136, 137])
        var options: [NDOption] = []
        switch Int.random(in: 0..<10, using: &random) {
        case 0...4 where !isClaim: options = [type == 136 ? .targetLinkLayer(optionMAC) : .sourceLinkLayer(optionMAC)]
        case 5: options = [.nonce(array(pick([6, 6, 14])))]
        case 6: options = [.sourceLinkLayer(optionMAC), .targetLinkLayer(other(sender).mac)]
        case 7: options = [.nonce(array(6)), .sourceLinkLayer(optionMAC)]
        case 8: options = [pick([.sourceLinkLayer(optionMAC), .targetLinkLayer(optionMAC)])]
        default: break
        }
        let flags = ICMPv6Message.NeighbourFlags(rawValue: pick([0x60, 0x20, 0x40, 0, 0xa0, 0xe0]))
        let body: ICMPv6Message.Body =
            switch type {
            case 133: .routerSolicitation(options)
            case 134:
                .routerAdvertisement(
                    .init([
                        .prefix(World.segment, length: 64, flags: 0xc0, valid: 600, preferred: 600),
                        .sourceLinkLayer(optionMAC),
                    ]))
            case 135: .neighbourSolicitation(target: target, options)
            case 136: .neighbourAdvertisement(flags, target: target, options)
            default: .redirect(target: target, destination: World.elsewhere, options)
            }
        let destination: IPv6Address =
            switch Int.random(in: 0..<10, using: &random) {
            case 0: anyAddress(sender)
            case 1...3: pick(other(sender).addresses)
            case 4, 5: IPv6Address(high: 0xff02 << 48, low: type == 133 ? 2 : 1)
            default: IPv6Address(high: 0xff02 << 48, low: 0x1_ff00_0000 | target.low & 0xff_ffff)
            }
        var message = ICMPv6Message(body, code: chance(4) ? 1 : 0)
        if chance(3) { message.checksum = .wrong(UInt16(random.next() & 0xffff)) }
        var packet = IPv6Packet(
            from: source, to: destination, hopLimit: chance(94) ? 255 : pick([0, 1, 64, 254]), .icmpv6(message))
        if chance(8) { packet.extensions = chain() }
        if chance(3) { packet.length = .wrong(pick([8, 16, 24, 32, 40])) }
        if chance(6), let piece = cut(packet, sender, mac) { return piece }
        return EthernetFrame(to: destinationMAC(destination), from: mac, .ipv6(packet))
    }

    /// Multicast listener messages.
    private mutating func reports(_ port: World.Port, _ sender: Int, _ mac: MACAddress) -> EthernetFrame {
        let group = IPv6Address(high: 0xff02 << 48, low: 0x1_ff00_0000 | random.next() & 0xff_ffff)
        let body: ICMPv6Message.Body = pick([
            .listenerReport([.init(type: 4, group: group)]), .listenerReport([.init(type: 4, group: group)]),
            .listener(type: 131, maximumDelay: 0, group: group, more: []),
            .listener(type: 132, maximumDelay: 0, group: group, more: []),
            .listener(type: 130, maximumDelay: 1000, group: .unspecified, more: []),
            .listener(type: 130, maximumDelay: 1000, group: .unspecified, more: [2, 125, 0, 0]),
        ])
        let alert: [HeaderOption] = pick([
            [.routerAlert(0)], [.routerAlert(0)], [.padN([]), .routerAlert(0)], [.pad1, .pad1, .routerAlert(0)],
            [.routerAlert(1)], [.other(type: 0xc2, array(4))],
        ])
        return EthernetFrame(
            to: MACAddress(0x3333_0000_0016), from: mac,
            .ipv6(
                IPv6Packet(
                    from: chance(20) ? .unspecified : chance(70) ? port.linkLocal : source(port, sender),
                    to: IPv6Address(high: pick([0xff02, 0xff02, 0xff02, 0xff05]) << 48, low: pick([0x16, 1, 2])),
                    hopLimit: chance(90) ? 1 : 255,
                    through: chance(85) ? [.hopByHop(HeaderOptions(alert))] : chain(), .icmpv6(.init(body)))))
    }

    /// Other ethertypes and link-local groups.
    private mutating func ethernet(_ port: World.Port, _ sender: Int, _ mac: MACAddress) -> EthernetFrame {
        let type: UInt16 = pick([
            EtherType.ipv4, EtherType.arp, EtherType.reverseARP, 0x8864, 0x88cc, 0x888e, 0x8847, 0x86de, 0x9000, 0x9100,
            0x9200, 0x0600, 0x8137, UInt16(random.next() & 0xffff) | 0x0800,
        ])
        var bytes = array(Int.random(in: 0...60, using: &random))
        if type == EtherType.ipv4, chance(80) {
            bytes = [0x45, 0, 0, 28, 0, 0, pick([0, 0x20]), pick([0, 1]), 64, 17, 0, 0] + array(8) + array(8)
        }
        let destination = pick([
            destinationMAC(other(sender).linkLocal), MACAddress(0xffff_ffff_ffff), World.bridgeMAC,
            MACAddress(0x0180_c200_0000 | random.next() & 15), MACAddress(0x3333_0000_0001),
        ])
        let isRead = [EtherType.vlan, EtherType.serviceVLAN].contains(type)
        return EthernetFrame(to: destination, from: mac, .other(type: isRead ? 0x88cc : type, bytes))
    }

    private mutating func packet(_ port: World.Port, _ sender: Int) -> IPv6Packet {
        let source = self.source(port, sender)
        let destination = chance(75) ? pick(other(sender).addresses) : anyAddress(sender)
        return IPv6Packet(
            from: source, to: destination, hopLimit: pick([64, 255, 1, 0]),
            trafficClass: chance(80) ? 0 : UInt8(random.next() & 255),
            // Also what a port would look like there.
            flowLabel: pick([0, 0, 22, 80, 1000, 1500, UInt32(random.next() & 0xf_ffff)]), content())
    }

    private mutating func content() -> IPv6Packet.Content {
        switch Int.random(in: 0..<12, using: &random) {
        case 0...3: return .udp(UDPDatagram(from: portNumber(), to: portNumber(), nonce()))
        case 4: return .udp(pick([UDPDatagram(from: 546, to: 547, nonce()), UDPDatagram(from: 547, to: 546, nonce())]))
        case 5...7:
            let flags = TCPSegment.Flags(rawValue: pick([2, 2, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0]))
            return .tcp(TCPSegment(from: portNumber(), to: portNumber(), flags, nonce()))
        case 8: return .icmpv6(.init(.echo(isReply: chance(50), identifier: 1, sequence: 1, data: nonce())))
        case 9:
            return .icmpv6(
                .init(.failure(type: pick([1, 2, 3, 4]), parameter: 1280, invoking: quoted()), code: pick([0, 3])))
        case 10:
            return .icmpv6(.init(.other(type: pick([0, 5, 100, 127, 130, 138, 139, 140, 144, 151, 200]), nonce())))
        default:
            return .raw(protocol: pick([4, 41, 47, 50, 51, 59, 89, 99, 112, 132, 135, 136, 139, 140, 253]), nonce())
        }
    }

    /// The packet that an error is about: to anybody, perhaps to whoever complains.
    private mutating func quoted() -> [UInt8] {
        let packet = IPv6Packet(
            from: anyAddress(0), to: chance(60) ? pick(pick(world.ports).addresses) : anyAddress(0),
            .udp(UDPDatagram(from: portNumber(), to: portNumber(), nonce())))
        return chance(80) ? packet.bytes : nonce()
    }

    /// Pieces of packets of every kind; the rest of the pieces come later.
    private mutating func fragment(_ port: World.Port, _ sender: Int, _ mac: MACAddress) -> EthernetFrame {
        var packet = packet(port, sender)
        packet.content = pick([
            .udp(UDPDatagram(from: portNumber(), to: portNumber(), array(60))),
            .tcp(TCPSegment(from: portNumber(), to: portNumber(), .ack, array(60))),
            .icmpv6(.init(.echo(isReply: false, identifier: 7, sequence: 1, data: array(50)))), packet.content,
        ])
        remember(packet)
        return cut(packet, sender, mac)
            ?? EthernetFrame(to: destinationMAC(packet.destination), from: mac, .ipv6(packet))
    }

    private mutating func cut(_ packet: IPv6Packet, _ sender: Int, _ mac: MACAddress) -> EthernetFrame? {
        var packet = packet
        packet.length = .right
        if chance(15) { packet.extensions = chain() }
        let size = pick([8, 16, 24, 24, 40, 64, 2000])
        var frames = packet.fragments(
            of: size, identification: pick([1, 2, count]), unfragmentable: chance(20) ? 1 : 0
        ).prefix(4).map {
            EthernetFrame(to: destinationMAC($0.destination), from: mac, .ipv6($0))
        }
        if chance(15) { frames.shuffle(using: &random) }  // a later piece before the first
        guard let first = frames.first else { return nil }
        pieces = (frames.dropFirst().map { (sender, $0) } + pieces).suffix(40)
        return first
    }

    /// The other direction of a flow, mostly from outside.
    private mutating func answer(_ sender: Int, _ mac: MACAddress) -> EthernetFrame {
        let flow = pick(flows)
        var content = flow.content
        switch content {
        case .udp(let datagram):
            content = .udp(UDPDatagram(from: datagram.destinationPort, to: datagram.sourcePort, nonce()))
        case .tcp(let segment):
            content = .tcp(
                TCPSegment(
                    from: segment.destinationPort, to: segment.sourcePort,
                    pick([[.syn, .ack], .ack, [.psh, .ack], [.fin, .ack], .rst]), nonce()))
        default: break
        }
        let packet = IPv6Packet(from: flow.destination, to: flow.source, content)
        return EthernetFrame(to: destinationMAC(flow.source), from: mac, .ipv6(packet))
    }

    private mutating func remember(_ packet: IPv6Packet) {
        flows = (flows + [Flow(source: packet.source, destination: packet.destination, content: packet.content)])
            .suffix(200)
    }

    private mutating func chain() -> [ExtensionHeader] {
        (0..<pick([1, 1, 2, 3])).map { _ in
            pick([
                .hopByHop(HeaderOptions([.routerAlert(0)])), .hopByHop(.padding(8)),
                .destinationOptions(.padding(pick([8, 24, 1000]))), .destinationOptions(HeaderOptions([.pad1])),
                .routing(type: pick([0, 2, 4]), segmentsLeft: pick([0, 1]), data: array(20)),
                .fragment(offset: 0, more: false, identification: count),
                .fragment(offset: pick([0, 0, 1, 100]), more: true, identification: count),
                .authentication(parameters: 1, sequence: 1, check: array(12)),
            ])
        }
    }

    // MARK: Parts

    private mutating func source(_ port: World.Port, _ sender: Int) -> IPv6Address {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<70: pick(port.addresses)
        case 70..<78
        where port.kind == .gateway || port.kind == .router || port.kind == .tunnel || port.kind == .external:
            pick([World.elsewhere, World.routed, IPv6Address(high: World.friendly.high, low: 5)])
        default: anyAddress(sender)
        }
    }

    private mutating func anyAddress(_ sender: Int) -> IPv6Address {
        switch Int.random(in: 0..<12, using: &random) {
        case 0, 1: pick(other(sender).addresses)
        case 2: IPv6Address(high: World.segment.high, low: 0xa000 | random.next() & 0xf)
        case 3: IPv6Address(high: 0xfe80 << 48, low: 0xa000 | random.next() & 0xf)
        case 4: World.heldElsewhere
        case 5: IPv6Address(high: World.routed.high, low: random.next() & 3)
        case 6: IPv6Address(high: World.friendly.high, low: 5)
        case 7: IPv6Address(high: 0xff02 << 48, low: pick([1, 2, 0xfb, 0x1_0002]))
        case 8: pick([.unspecified, .loopback, IPv6Address(high: 0, low: 0xffff_c000_0201)])
        case 9: IPv6Address(high: 0xfe80_0000_0000_0001, low: 1)
        case 10: IPv6Address(high: 0xff05 << 48, low: pick([2, 0x1_0003]))
        default: World.elsewhere
        }
    }

    mutating func portNumber() -> UInt16 {
        pick([22, 53, 80, 443, 546, 547, 1000, 1500, 1999, 2000, 4789, 5353, 40_000, UInt16(random.next() & 0xffff)])
    }

    /// Of whoever has the address, a group's, or one that nobody has, which the bridge floods.
    private mutating func destinationMAC(_ address: IPv6Address) -> MACAddress {
        if chance(3) { return World.bridgeMAC }
        if address.isMulticast { return MACAddress(0x3333_0000_0000 | address.low & 0xffff_ffff) }
        if chance(45), let port = world.ports.first(where: { $0.addresses.contains(address) }) { return port.mac }
        return MACAddress(0x02ff_0000_0000 | UInt64(count))
    }

    private mutating func framing() -> EthernetFrame.Framing {
        let length: EthernetFrame.Length = chance(70) ? .right : .wrong(pick([0, 3, 46, 1500]))
        return pick([
            .snap(organization: 0, length: length), .snap(organization: 0xf8, length: length),
            .llc(destination: 0x42, source: 0x42, control: 3, length: length),
            .llc(destination: 0xff, source: 0xff, control: 3, length: length),
        ])
    }

    private mutating func tags() -> [VLANTag] {
        pick([
            [VLANTag(0)], [VLANTag(0), VLANTag(0)], [VLANTag(7)], [VLANTag(7, type: EtherType.serviceVLAN)],
            [VLANTag(7, type: EtherType.serviceVLAN), VLANTag(9)], [VLANTag(0xe000)],
            [VLANTag(0), VLANTag(0), VLANTag(0)],
        ])
    }

    /// Tells one frame from another of the same kind.
    private mutating func nonce() -> [UInt8] {
        let number = count
        return [UInt8(number >> 24), UInt8(number >> 16 & 255), UInt8(number >> 8 & 255), UInt8(number & 255)]
            + array(pick([0, 0, 4, 20]))
    }

    private mutating func other(_ sender: Int) -> World.Port {
        world.ports[(sender + Int.random(in: 1..<world.ports.count, using: &random)) % world.ports.count]
    }

    mutating func chance(_ percent: Int) -> Bool { random.chance(percent) }
    mutating func pick<Value>(_ values: [Value]) -> Value {
        values[Int.random(in: 0..<values.count, using: &random)]
    }
    mutating func array(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(random.next() & 0xff) } }
}
