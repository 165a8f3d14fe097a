import Addressing
import Frames
import Testing

/// Frames that are wrong on purpose: what is built has the fault, and the parser names it.
@Suite struct WrongFrameTests {
    static let source = IPv6Address(high: 0xfe80 << 48, low: 0xff_fe00_0001)
    static let allNodes = IPv6Address(high: 0xff02 << 48, low: 1)
    static let advertisement = IPv6Packet.Content.icmpv6(
        ICMPv6Message(.routerAdvertisement(.init([.sourceLinkLayer(MACAddress(0x0200_0000_0001)), .mtu(1400)]))))

    static func packet(_ extensions: [ExtensionHeader] = [], _ content: IPv6Packet.Content = advertisement)
        -> IPv6Packet
    {
        IPv6Packet(from: source, to: allNodes, hopLimit: 255, through: extensions, content)
    }

    static func frame(_ packet: IPv6Packet, _ framing: EthernetFrame.Framing = .typed) -> EthernetFrame {
        EthernetFrame(
            to: MACAddress(0x3333_0000_0001), from: MACAddress(0x0200_0000_0001), framing: framing, .ipv6(packet))
    }

    @Test func `a split header chain has the type of its message in the second piece`() throws {
        let pieces = Self.packet([.destinationOptions(.padding(8))]).fragments(of: 8, identification: 7)
        let first = try IPv6Packet(parsing: pieces[0].bytes)
        #expect(first.extensions == [.fragment(offset: 0, more: true, identification: 7)])
        #expect(first.content == .raw(protocol: 60, [58, 0, 1, 4, 0, 0, 0, 0]))
        let second = try IPv6Packet(parsing: pieces[1].bytes)
        guard case .raw(60, let bytes) = second.content else { return #expect(Bool(false), "\(second)") }
        #expect(bytes[0] == 134)
    }

    @Test func `pieces put together are the packet, also overlapping ones`() throws {
        let packet = Self.packet([.hopByHop(.padding(16)), .destinationOptions(.padding(1000))])
        for size in [1, 8, 24, 500, 4000] {
            let pieces = packet.fragments(of: size, identification: 1, unfragmentable: 1)
            #expect(pieces.allSatisfy { $0.extensions.first == packet.extensions.first })
            var whole: [UInt8] = []
            for piece in pieces {
                guard case .fragment(let offset, let more, 1) = piece.extensions.last,
                    case .raw(60, let bytes) = piece.content
                else { return #expect(Bool(false), "\(piece)") }
                #expect(Int(offset) * 8 == whole.count)
                #expect(more == (piece != pieces.last))
                whole += bytes
            }
            var inner = packet
            inner.extensions.removeFirst()
            #expect(whole == Array(inner.bytes.dropFirst(40)))
        }
    }

    @Test func `an atomic fragment is parsed through`() throws {
        let packet = Self.packet([.fragment(offset: 0, more: false, identification: 9)])
        #expect(try IPv6Packet(parsing: packet.bytes).content == Self.advertisement)
    }

    @Test func `SNAP framing, also of another organization or with a length that lies, is seen`() throws {
        let right = Self.frame(Self.packet(), .snap(organization: 0, length: .right))
        #expect(try EthernetFrame(parsing: right.bytes) == right)
        let lying = Self.frame(Self.packet(), .snap(organization: 0, length: .wrong(20)))
        #expect(try EthernetFrame(parsing: lying.bytes) == lying)
        #expect(throws: FrameError(.llc, .length(field: 1500, room: 8 + 40 + 32), at: 12)) {
            try EthernetFrame(parsing: Self.frame(Self.packet(), .snap(organization: 0, length: .wrong(1500))).bytes)
        }
    }

    @Test func `lengths, versions and checksums that lie are named`() throws {
        var packet = Self.packet()
        packet.length = .wrong(500)
        #expect(throws: FrameError(.ipv6, .length(field: 500, room: 32), at: 18)) {
            try EthernetFrame(parsing: Self.frame(packet).bytes)
        }
        var bytes = Self.frame(Self.packet()).bytes
        bytes[14] = 0x40
        #expect(throws: FrameError(.ipv6, .version(4), at: 14)) { try EthernetFrame(parsing: bytes) }
        let damaged = IPv6Packet.Content.icmpv6(ICMPv6Message(.routerSolicitation([]), checksum: .wrong(0x1234)))
        #expect(try IPv6Packet(parsing: Self.packet([], damaged).bytes).content == damaged)
    }

    @Test func `an option without a length is refused, one that is hidden behind another is seen`() throws {
        let zero = IPv6Packet.Content.raw(
            protocol: 58, [135, 0, 0, 0, 0, 0, 0, 0] + Self.source.bytes + [1, 0, 0, 0, 0, 0, 0, 0])
        #expect(throws: FrameError(.ndOption, .length(field: 0, room: 6), at: 65)) {
            try IPv6Packet(parsing: Self.packet([], zero).bytes)
        }
        let hidden = IPv6Packet.Content.icmpv6(
            ICMPv6Message(
                .neighbourSolicitation(
                    target: Self.source,
                    [.nonce([1, 2, 3, 4, 5, 6]), .sourceLinkLayer(MACAddress(0x0200_0000_0002))])))
        #expect(try IPv6Packet(parsing: Self.packet([], hidden).bytes).content == hidden)
    }

    @Test func `headers that say more than there is are refused by name`() throws {
        func problem(_ number: UInt8, _ bytes: [UInt8]) -> FrameError? {
            do throws(FrameError) {
                _ = try IPv6Packet(parsing: Self.packet([], .raw(protocol: number, bytes)).bytes)
                return nil
            } catch { return error }
        }
        #expect(
            problem(0, [58, 1, 0, 0, 0, 0, 0, 0]) == FrameError(.headerOptions, .truncated(needed: 14, left: 6), at: 42)
        )
        #expect(
            problem(60, [58, 0, 5, 9, 0, 0, 0, 0]) == FrameError(.headerOptions, .truncated(needed: 9, left: 4), at: 44)
        )
        #expect(
            problem(43, [58, 2, 0, 0, 0, 0, 0, 0]) == FrameError(.routing, .truncated(needed: 20, left: 4), at: 44))
        #expect(problem(44, [58, 0, 0]) == FrameError(.fragment, .truncated(needed: 2, left: 1), at: 42))
        #expect(
            problem(51, [58, 0, 0, 0, 0, 0, 0, 0]) == FrameError(.authentication, .length(field: 0, room: 1), at: 41))
        #expect(problem(17, [0, 1, 0, 2, 0, 9, 0, 0]) == FrameError(.udp, .length(field: 9, room: 8), at: 44))
        #expect(problem(6, [UInt8](repeating: 0, count: 20)) == FrameError(.tcp, .length(field: 0, room: 20), at: 52))
        #expect(
            problem(58, [143, 0, 0, 0, 0, 0, 0xff, 0xff])
                == FrameError(.mldRecord, .truncated(needed: 1, left: 0), at: 48))
    }
}
