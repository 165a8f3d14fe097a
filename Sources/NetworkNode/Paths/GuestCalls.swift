import Addressing
import Frames
import NetworkModel
import NodePorts

/// What a guest asks others for: routers, and a resolver for names.
struct GuestCalls {
    let own: PathEnd.Guest
    let resolver: PathResolver?
    let asksRouters: Bool
    /// Tells the answers of the resolver from others: 16 hexadecimal digits, drawn for each time.
    private let label: [UInt8]

    init(own: PathEnd.Guest, resolver: PathResolver?, asksRouters: Bool, number: UInt64) {
        self.own = own
        // From a link-local address no resolver beyond the link is reached.
        self.resolver = own.address.isLinkLocal ? nil : resolver
        self.asksRouters = asksRouters
        let digits = String(number, radix: 16)
        label = Array((String(repeating: "0", count: 16 - digits.count) + digits).utf8)
    }

    var frames: [[UInt8]] { (asksRouters ? [solicitation] : []) + questions }

    /// RFC 4861 section 4.1, from the guest's link-local address to all routers.
    private var solicitation: [UInt8] {
        let allRouters = IPv6Address(high: 0xff02 << 48, low: 2)
        // Reserved, and the option with the MAC.
        let body = ICMPv6Message.Body.routerSolicitation([.sourceLinkLayer(own.mac)])
        return EthernetFrame(
            to: MACAddress(0x3333_0000_0002), from: own.mac,
            .ipv6(
                IPv6Packet(from: .linkLocal(own.mac), to: allRouters, hopLimit: 255, .icmpv6(ICMPv6Message(body))))
        ).bytes
    }

    /// Behind Ethernet, IPv6, UDP and the header of DNS, and the length of the first label.
    private static let labelOffset = 14 + 40 + 8 + 12 + 1

    /// The first is answered by every resolver itself, the second is asked on.
    private static let names: [[String]] = [["invalid"], ["example", "com"]]

    var answers: CrossingOrder.AnswerMark? {
        guard resolver != nil else { return nil }
        func word(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        return CrossingOrder.AnswerMark(
            nonce: ProbeNonce(high: word(label[..<8]), low: word(label[8...])), offset: Self.labelOffset,
            count: Self.names.count)
    }

    private var questions: [[UInt8]] {
        guard let resolver else { return [] }
        return Self.names.enumerated().map { place, name in
            let labels = [label] + name.map { Array($0.utf8) }
            // RFC 1035 section 4.1: recursion desired, one question, of type AAAA (28) and class IN.
            let message: [UInt8] =
                [0x6b, UInt8(place), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
                + labels.flatMap { [UInt8($0.count)] + $0 } + [0, 0, 28, 0, 1]
            // Not one of the dynamic ports of marked frames; which one does not matter.
            let datagram = UDPDatagram(from: 0xb000 | UInt16(own.mac.value & 0xfff), to: 53, message)
            return EthernetFrame(
                to: resolver.router, from: own.mac,
                .ipv6(IPv6Packet(from: own.address, to: resolver.address, .udp(datagram)))
            ).bytes
        }
    }

    /// nil when nothing was asked.
    func names(_ frames: [[UInt8]]) -> NamesFinding? {
        guard resolver != nil else { return nil }
        var finding = NamesFinding()
        for bytes in frames {
            // What is no answer is none: the label alone came back, as in an error about it.
            guard let frame = try? EthernetFrame(parsing: bytes), case .ipv6(let packet) = frame.payload,
                case .udp(let datagram) = packet.content, packet.source == resolver?.address, datagram.sourcePort == 53,
                datagram.payload.count >= 12, datagram.payload[2] & 0x80 != 0
            else { continue }
            let code = Int(datagram.payload[3] & 0xf)
            if datagram.payload[1] == 0 { finding.own = code } else { finding.asked = code }
        }
        return finding
    }

    /// Each router once, as it advertised itself last.
    static func routers(_ frames: [[UInt8]]) -> [RouterFinding] {
        var found: [MACAddress: RouterFinding] = [:]
        for bytes in frames {
            // Frames of a router that cannot be parsed say nothing to a guest either.
            guard let frame = try? EthernetFrame(parsing: bytes), case .ipv6(let packet) = frame.payload,
                case .icmpv6(let message) = packet.content,
                case .routerAdvertisement(let advertisement) = message.body
            else { continue }
            var prefixes: [IPv6Prefix] = []
            for case .prefix(let address, let length, _, _, _) in advertisement.options.prefix(RouterFinding.maximum) {
                if length <= 128 { prefixes.append(IPv6Prefix(containing: address, length: Int(length))) }
            }
            found[frame.source] = RouterFinding(
                address: packet.source, mac: frame.source, lifetime: Int(advertisement.lifetime), prefixes: prefixes)
        }
        return Array(found.values.sorted { $0.mac < $1.mac }.prefix(RouterFinding.maximum))
    }
}
