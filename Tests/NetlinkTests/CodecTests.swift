import Addressing
import CMnl
import Glibc
import NetworkPlanning
import Testing

@testable import LinuxNetlink

/// Requests byte for byte (x86-64 and arm64 are both little-endian), and answers from bytes.
@Suite struct CodecTests {
    @Test func `a bridge's creating message`() {
        let request = RequestBuffer()
        let settings = LinkSettings(
            alias: "kc:segment/1", mtu: 1430, mac: MACAddress(0x02_00_00_00_00_01), isUp: true,
            multicastSnooping: false, netfilterCalls: false)
        request.create(
            NewLink(name: .device("kcb000001"), kind: .bridge, settings: settings), link: nil, peerNamespace: nil)
        let expected: [UInt8] =
            [
                0x80, 0, 0, 0, 0x10, 0, 0x01, 0x06, 0, 0, 0, 0, 0, 0, 0, 0,  // RTM_NEWLINK, REQUEST|EXCL|CREATE
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // ifinfomsg
                0x0e, 0, 3, 0, 0x6b, 0x63, 0x62, 0x30, 0x30, 0x30, 0x30, 0x30, 0x31, 0, 0, 0,  // IFLA_IFNAME
                0x08, 0, 4, 0, 0x96, 0x05, 0, 0,  // IFLA_MTU 1430
                0x08, 0, 27, 0, 0x63, 0x6b, 0, 0,  // IFLA_GROUP "kc": an alias will follow
                0x0a, 0, 1, 0, 0x02, 0, 0, 0, 0, 0x01, 0, 0,  // IFLA_ADDRESS
                0x34, 0, 18, 0x80,  // IFLA_LINKINFO, nested
                0x0b, 0, 1, 0, 0x62, 0x72, 0x69, 0x64, 0x67, 0x65, 0, 0,  // IFLA_INFO_KIND "bridge"
            ] + [0x24, 0, 2, 0x80]  // IFLA_INFO_DATA, nested
            + [5, 0, 23, 0, 0, 0, 0, 0]  // IFLA_BR_MCAST_SNOOPING 0
            + [5, 0, 36, 0, 0, 0, 0, 0, 5, 0, 37, 0, 0, 0, 0, 0, 5, 0, 38, 0, 0, 0, 0, 0]  // IFLA_BR_NF_CALL_* 0
        #expect(Array(request.bytes) == expected)
        #expect(!request.overflowed)
    }

    @Test func `a vxlan's data`() throws {
        let request = RequestBuffer()
        let vxlan = VXLANSettings(
            vni: try VNI(0x12c), group: IPv6Address("ff15::8b00:2c"), local: try #require(IPv6Address("fd00::1")),
            link: .underlay, port: 4789, hopLimit: 64)
        request.create(
            NewLink(name: .device("x"), kind: .vxlan(vxlan), settings: LinkSettings(mtu: 1430, isUp: true)), link: 7,
            peerNamespace: nil)
        let data: [UInt8] =
            [8, 0, 1, 0, 0x2c, 0x01, 0, 0]  // IFLA_VXLAN_ID
            + [20, 0, 16, 0, 0xff, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x8b, 0, 0, 0x2c]  // IFLA_VXLAN_GROUP6
            + [20, 0, 17, 0, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]  // IFLA_VXLAN_LOCAL6
            + [8, 0, 3, 0, 7, 0, 0, 0]  // IFLA_VXLAN_LINK
            + [6, 0, 15, 0, 0x12, 0xb5, 0, 0]  // IFLA_VXLAN_PORT, big-endian 4789
            + [5, 0, 5, 0, 64, 0, 0, 0]  // IFLA_VXLAN_TTL
            + [5, 0, 7, 0, 1, 0, 0, 0]  // IFLA_VXLAN_LEARNING
            + [5, 0, 19, 0, 0, 0, 0, 0, 5, 0, 20, 0, 0, 0, 0, 0]  // IFLA_VXLAN_UDP_ZERO_CSUM6_TX, _RX
        #expect(Array(request.bytes.suffix(data.count)) == data)
    }

    @Test func `a flood entry's message`() throws {
        let request = RequestBuffer()
        request.flood(add: true, index: 5, to: try #require(IPv6Address("fd00::2")))
        let expected: [UInt8] =
            [0x3c, 0, 0, 0, 0x1c, 0, 0x01, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0]  // RTM_NEWNEIGH, REQUEST|CREATE|APPEND
            + [7, 0, 0, 0, 5, 0, 0, 0, 0xc0, 0, 2, 0]  // AF_BRIDGE, index 5, PERMANENT|NOARP, NTF_SELF
            + [10, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0]  // NDA_LLADDR 00:00:00:00:00:00
            + [20, 0, 1, 0, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]  // NDA_DST
        #expect(Array(request.bytes) == expected)
    }

    @Test func `a request that does not fit says so`() {
        let request = RequestBuffer()
        request.adjust(.device("x"), alias: String(repeating: "a", count: RequestBuffer.capacity))
        #expect(request.overflowed)
        request.deleteLink(.device("x"))
        #expect(!request.overflowed)
    }

    @Test func `attributes end at the first that is not whole`() {
        let cases: [([UInt8], Int)] = [
            ([], 0), ([8, 0, 1], 0), ([3, 0, 1, 0], 0), ([9, 0, 1, 0, 0, 0, 0, 0], 0), ([4, 0, 1, 0], 1),
            ([5, 0, 1, 0, 7], 1), ([5, 0, 1, 0, 7, 0, 0, 0, 8, 0, 2, 0, 1, 2, 3], 1),
        ]
        for (bytes, count) in cases {
            bytes.withUnsafeBytes { #expect(Attributes($0).reduce(0) { sum, _ in sum + 1 } == count, "\(bytes)") }
        }
    }

    @Test func `a message that lies about its length ends the datagram`() {
        for length in [0, 15, 17, 255] as [UInt8] {
            let bytes: [UInt8] = [length, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
            bytes.withUnsafeBytes { datagram in
                var messages = Messages(datagram)
                #expect(messages.next()?.type == nil)
                #expect(messages.isMalformed)
            }
        }
    }

    /// Every answer reader, on every cut and on random damage of a real message, ends without a trap.
    @Test func `answers are read from hostile bytes without a trap`() {
        let request = RequestBuffer()
        let settings = LinkSettings(
            mtu: 1430, mac: MACAddress(1), isUp: true, multicastSnooping: true, netfilterCalls: true)
        request.create(NewLink(name: .device("kcb1"), kind: .bridge, settings: settings), link: nil, peerNamespace: nil)
        let whole = Array(request.bytes)
        let seed = UInt64(truncatingIfNeeded: ContinuousClock().now.hashValue)
        var state = seed | 1
        func random() -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(truncatingIfNeeded: state >> 1)
        }
        var read = 0
        let types = [RTM_NEWLINK, RTM_NEWNEIGH, RTM_NEWADDR, RTM_NEWROUTE, RTM_NEWNETCONF, Int(NLMSG_ERROR)]
        for round in 0..<3000 {
            var payload = Array(whole.dropFirst(16).prefix(round % whole.count))
            for _ in 0..<(round / whole.count) where !payload.isEmpty {
                payload[random() % payload.count] = UInt8(truncatingIfNeeded: random())
            }
            payload.withUnsafeBytes { bytes in
                for type in types {
                    let message = Message(type: type, flags: NLM_F_ACK_TLVS, sequence: 1, payload: bytes)
                    if LinkAnswer(message)?.observed(nameOf: { _ in nil }) != nil { read += 1 }
                    if FloodAnswer(message) != nil { read += 1 }
                    if AddressAnswer(message) != nil { read += 1 }
                    if RouteAnswer(message) != nil { read += 1 }
                    if forwarding(message) != nil { read += 1 }
                    if ChangeNotice(message) != nil { read += 1 }
                    if message.failure != nil { read += 1 }
                }
            }
        }
        #expect(read > 0, "seed \(seed)")
    }
}
