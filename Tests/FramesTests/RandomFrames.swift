import Addressing
import Frames
import SeededRandomness

/// Draws frames that are right in every field, of every shape that can be written.
struct RandomFrames {
    var random: SeededGenerator

    mutating func frame() -> EthernetFrame {
        let tags = (0..<pick([0, 0, 0, 1, 2])).map { _ in
            VLANTag(uint16(), type: pick([EtherType.vlan, EtherType.serviceVLAN]))
        }
        let trailer = pick([true, false, false]) ? bytes(upTo: 20) : []
        switch Int.random(in: 0..<10, using: &random) {
        case 0:
            let type = max(EtherType.minimum, uint16())
            let isRead = [EtherType.ipv6, EtherType.vlan, EtherType.serviceVLAN].contains(type)
            // Nothing says where an unknown payload ends, so it has no trailer.
            return EthernetFrame(
                to: mac(), from: mac(), tags: tags, .other(type: isRead ? EtherType.ipv4 : type, bytes(upTo: 90)))
        case 1:
            return EthernetFrame(
                to: mac(), from: mac(), tags: tags,
                framing: .llc(destination: 0x42, source: UInt8(uint16() & 0xff), control: 3, length: .right),
                .other(type: 0, bytes(upTo: 60)), trailer: trailer)
        case 2:
            var packet = packet()
            // A length field has no room for more (IEEE 802.3 section 3.2.6).
            while packet.bytes.count > 1492 { packet = self.packet() }
            return EthernetFrame(
                to: mac(), from: mac(), tags: tags, framing: .snap(organization: uint32() >> 8, length: .right),
                .ipv6(packet), trailer: trailer)
        default:
            return EthernetFrame(to: mac(), from: mac(), tags: tags, .ipv6(packet()), trailer: trailer)
        }
    }

    mutating func packet() -> IPv6Packet {
        var extensions = (0..<pick([0, 0, 1, 1, 2, 4])).map { _ in header() }
        var content = self.content()
        if let last = extensions.firstIndex(where: \.isPiece) {
            extensions = Array(extensions[...last])
            content = .raw(protocol: pick([6, 17, 58, 60, 59, 253]), bytes(upTo: 64))
        }
        return IPv6Packet(
            from: address(), to: address(), hopLimit: UInt8(uint16() & 0xff), trafficClass: UInt8(uint16() & 0xff),
            flowLabel: uint32() & 0xf_ffff, through: extensions, content)
    }

    mutating func header() -> ExtensionHeader {
        switch Int.random(in: 0..<5, using: &random) {
        case 0: .hopByHop(options())
        case 1: .destinationOptions(options())
        case 2:
            .routing(
                type: UInt8(uint16() & 0xff), segmentsLeft: UInt8(uint16() & 3),
                data: array(4 + 8 * Int.random(in: 0...4, using: &random)))
        case 3:
            .fragment(
                offset: pick([0, 0, 0, 1, 185, 8191]), more: pick([false, false, true]), identification: uint32())
        default:
            .authentication(
                parameters: uint32(), sequence: uint32(), check: array(4 * Int.random(in: 0...5, using: &random)))
        }
    }

    mutating func options() -> HeaderOptions {
        if random.chance(20) { return .padding(Int.random(in: 8...2000, using: &random)) }
        return HeaderOptions(
            (0..<Int.random(in: 0...3, using: &random)).map { _ in
                switch Int.random(in: 0..<4, using: &random) {
                case 0: .pad1
                case 1: .routerAlert(uint16())
                case 2: .padN(bytes(upTo: 9))
                default: .other(type: pick([4, 6, 0x1e, 0x63, 0xc2, 0xee]), bytes(upTo: 30))
                }
            })
    }

    mutating func content() -> IPv6Packet.Content {
        switch Int.random(in: 0..<8, using: &random) {
        case 0: .udp(UDPDatagram(from: uint16(), to: uint16(), bytes(upTo: 80)))
        case 1:
            .tcp(
                TCPSegment(
                    from: uint16(), to: uint16(), .init(rawValue: UInt8(uint16() & 0xff)), sequence: uint32(),
                    acknowledgement: uint32(), window: uint16(), urgent: uint16(),
                    options: array(4 * Int.random(in: 0...10, using: &random)), bytes(upTo: 80)))
        case 2: .none(bytes(upTo: 20))
        case 3: .raw(protocol: pick([4, 41, 47, 50, 89, 132, 253]), bytes(upTo: 60))
        default: .icmpv6(ICMPv6Message(body(), code: pick([0, 0, 0, 1, 255])))
        }
    }

    mutating func body() -> ICMPv6Message.Body {
        switch Int.random(in: 0..<10, using: &random) {
        case 0: .failure(type: pick([1, 2, 3, 4]), parameter: uint32(), invoking: bytes(upTo: 100))
        case 1: .echo(isReply: random.chance(50), identifier: uint16(), sequence: uint16(), data: bytes(upTo: 60))
        case 2: .listener(type: pick([130, 131, 132]), maximumDelay: uint16(), group: address(), more: bytes(upTo: 20))
        case 3: .routerSolicitation(ndOptions())
        case 4:
            .routerAdvertisement(
                .init(
                    hopLimit: UInt8(uint16() & 0xff), flags: UInt8(uint16() & 0xff), lifetime: uint16(),
                    reachable: uint32(), retransmission: uint32(), ndOptions()))
        case 5: .neighbourSolicitation(target: address(), ndOptions())
        case 6: .neighbourAdvertisement(.init(rawValue: UInt8(uint16() & 0xff)), target: address(), ndOptions())
        case 7: .redirect(target: address(), destination: address(), ndOptions())
        case 8:
            .listenerReport(
                (0..<Int.random(in: 0...3, using: &random)).map { _ in
                    .init(
                        type: pick([1, 2, 3, 4, 5, 6]), group: address(),
                        sources: (0..<Int.random(in: 0...3, using: &random)).map { _ in address() },
                        auxiliary: array(4 * Int.random(in: 0...2, using: &random)))
                })
        default: .other(type: pick([5, 100, 127, 138, 139, 151, 200, 255]), bytes(upTo: 40))
        }
    }

    mutating func ndOptions() -> [NDOption] {
        (0..<Int.random(in: 0...4, using: &random)).map { _ in
            switch Int.random(in: 0..<6, using: &random) {
            case 0: .sourceLinkLayer(mac())
            case 1: .targetLinkLayer(mac())
            case 2:
                .prefix(
                    address(), length: UInt8.random(in: 0...128, using: &random), flags: UInt8(uint16() & 0xff),
                    valid: uint32(), preferred: uint32())
            case 3: .mtu(uint32())
            case 4: .nonce(array(6 + 8 * Int.random(in: 0...2, using: &random)))
            default: .other(type: pick([4, 24, 25, 31, 38, 253]), array(6 + 8 * Int.random(in: 0...4, using: &random)))
            }
        }
    }

    // MARK: Values

    mutating func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: 0..<values.count, using: &random)] }
    mutating func uint16() -> UInt16 { UInt16.random(in: 0...UInt16.max, using: &random) }
    mutating func uint32() -> UInt32 { UInt32.random(in: 0...UInt32.max, using: &random) }
    mutating func mac() -> MACAddress { MACAddress(random.next()) }
    mutating func address() -> IPv6Address { IPv6Address(high: random.next(), low: random.next()) }
    mutating func array(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(random.next() & 0xff) } }
    mutating func bytes(upTo count: Int) -> [UInt8] { array(Int.random(in: 0...count, using: &random)) }
}

extension ExtensionHeader {
    /// Whether what follows is only a piece of a packet.
    fileprivate var isPiece: Bool {
        if case .fragment(let offset, let more, _) = self { offset != 0 || more } else { false }
    }
}
