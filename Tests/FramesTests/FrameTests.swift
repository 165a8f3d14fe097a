import Addressing
import Frames
import SeededRandomness
import Testing

@Suite struct FrameTests {
    @Test func `a right frame survives its bytes`() throws {
        var frames = RandomFrames(random: SeededGenerator(printedFor: "a right frame survives its bytes"))
        for _ in 0..<5_000 {
            let frame = frames.frame()
            let again = try EthernetFrame(parsing: frame.bytes)
            let isSame = again == frame
            try #require(isSame, "\(hex(frame.bytes))")
        }
    }

    @Test func `a frame cut anywhere is refused where it ends, or is a shorter frame`() throws {
        var frames = RandomFrames(random: SeededGenerator(printedFor: "a frame cut anywhere"))
        for _ in 0..<300 {
            let bytes = frames.frame().bytes
            for end in 0..<bytes.count {
                let cut = Array(bytes[..<end])
                switch Result(catching: { () throws(FrameError) in try EthernetFrame(parsing: cut) }) {
                case .success(let frame): try #require(frame.bytes.count == end)
                case .failure(let error): try #require((0...end).contains(error.offset), "\(error) of \(end) bytes")
                }
            }
        }
    }

    @Test func `whatever the bytes, parsing ends, and what is accepted is parsed again as the same`() throws {
        var frames = RandomFrames(random: SeededGenerator(printedFor: "whatever the bytes"))
        var accepted = 0
        for round in 0..<20_000 {
            var bytes = frames.frame().bytes
            if round % 4 == 0 {
                bytes = frames.bytes(upTo: 200)
            } else {
                for _ in 0..<frames.pick([1, 2, 8]) where !bytes.isEmpty {
                    // Mostly in the headers, where lengths and types are.
                    bytes[Int.random(in: 0..<min(bytes.count, frames.pick([18, 90, 2000])), using: &frames.random)] =
                        frames.pick([
                            0, 1, 6, 17, 43, 44, 51, 58, 59, 60, 0x60, 0x81, 0xff, UInt8(frames.uint16() & 255),
                        ])
                }
            }
            guard let frame = try? EthernetFrame(parsing: bytes) else { continue }  // refusal is the other right answer
            accepted += 1
            // Reserved fields are read as zero, which can make a wrong checksum right: once built anew, nothing changes.
            let settled = try EthernetFrame(parsing: frame.bytes)
            let isSame = try EthernetFrame(parsing: settled.bytes) == settled
            try #require(isSame, "\(hex(bytes))")
        }
        #expect(accepted > 2_000)
    }

    /// Bytes from RFC 4861's figures by hand, the checksum by a program of another language.
    @Test func `a neighbour solicitation has the bytes of its RFC`() throws {
        let frame = try EthernetFrame(
            to: MACAddress(parsing: "33:33:ff:00:00:02"), from: MACAddress(parsing: "02:00:00:00:00:01"),
            .ipv6(
                IPv6Packet(
                    from: #require(IPv6Address("fe80::ff:fe00:1")), to: #require(IPv6Address("ff02::1:ff00:2")),
                    hopLimit: 255,
                    .icmpv6(
                        ICMPv6Message(
                            .neighbourSolicitation(
                                target: #require(IPv6Address("fd01::2")),
                                [.sourceLinkLayer(MACAddress(parsing: "02:00:00:00:00:01"))]))))))
        let expected =
            "3333ff000002" + "020000000001" + "86dd"
            + "60000000" + "0020" + "3aff" + "fe80000000000000000000fffe000001" + "ff0200000000000000000001ff000002"
            + "87007d1600000000" + "fd010000000000000000000000000002" + "0101020000000001"
        #expect(hex(frame.bytes) == expected)
        #expect(try EthernetFrame(parsing: frame.bytes) == frame)
    }

    @Test func `a VXLAN packet carries a frame`() throws {
        let packet = VXLANPacket(try VNI(0x12c), [1, 2, 3])
        #expect(hex(packet.bytes) == "0800000000012c00010203")
        #expect(try VXLANPacket(parsing: packet.bytes) == packet)
        #expect(throws: FrameError(.vxlan, .value(0), at: 0)) { try VXLANPacket(parsing: [0, 0, 0, 0, 0, 1, 0, 0]) }
        #expect(throws: FrameError(.vxlan, .value(0), at: 4)) { try VXLANPacket(parsing: [8, 0, 0, 0, 0, 0, 0, 9]) }
        #expect(throws: FrameError(.vxlan, .truncated(needed: 4, left: 3), at: 4)) {
            try VXLANPacket(parsing: [8, 0, 0, 0, 0, 0, 1])
        }
    }

    @Test func `a DHCPv6 message keeps its options`() throws {
        let message = DHCPv6Header(type: 1, transaction: 0x123456, [.init(1, [0, 3, 0, 1]), .init(14, [])])
        #expect(hex(message.bytes) == "01123456" + "0001000400030001" + "000e0000")
        #expect(try DHCPv6Header(parsing: message.bytes) == message)
        #expect(throws: FrameError(.dhcpv6, .value(12), at: 0)) { try DHCPv6Header(parsing: [12, 0, 0, 0]) }
        #expect(throws: FrameError(.dhcpv6, .truncated(needed: 4, left: 0), at: 8)) {
            try DHCPv6Header(parsing: [1, 0, 0, 0, 0, 1, 0, 4])
        }
    }
}

func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
