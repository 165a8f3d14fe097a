import Addressing
import LinuxBPF
import NetworkModel
import NetworkPlanning
import Testing

/// The program that puts the prefix into router advertisements on their way out (RFC 8781).
@Suite struct AnnouncementTests {
    private let object: TranslatorObject

    init() throws {
        object = try TranslatorObject(path: TranslatorFile.path)
        try object.tables().configure(
            TranslatorSettings(
                prefix: .wellKnownNAT64, own: nil, block: nil, innerDevice: 1, outerDevice: 0, ipv6MTU: 1430,
                outerMTU: 1500))
    }

    /// A router advertisement from fe80::1 to all nodes, with an MTU option and `more` bytes, and a good checksum.
    private func advertisement(
        lifetime: UInt16, type: UInt8 = 134, hopLimit: UInt8 = 255, more: [UInt8] = [], trailer: [UInt8] = []
    ) -> [UInt8] {
        var message: [UInt8] = [type, 0, 0, 0, 64, 0x08, UInt8(lifetime >> 8), UInt8(lifetime & 255)]
        message += [UInt8](repeating: 0, count: 8) + [5, 1, 0, 0, 0, 0, 5, 150] + more
        let source: [UInt8] = [0xfe, 0x80] + [UInt8](repeating: 0, count: 13) + [1]
        let group: [UInt8] = [0xff, 0x02] + [UInt8](repeating: 0, count: 13) + [1]
        let checksum = ~Self.sum(
            source + group + [0, 0, UInt8(message.count >> 8), UInt8(message.count & 255), 0, 0, 0, 58] + message)
        message[2] = UInt8(checksum >> 8)
        message[3] = UInt8(checksum & 255)
        let header: [UInt8] = [0x60, 0, 0, 0, UInt8(message.count >> 8), UInt8(message.count & 255), 58, hopLimit]
        return [0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0x86, 0xdd] + header + source + group + message + trailer
    }

    /// RFC 1071.
    private static func sum(_ bytes: [UInt8]) -> UInt16 {
        var total: UInt32 = 0
        for index in stride(from: 0, to: bytes.count, by: 2) {
            total += UInt32(bytes[index]) << 8 | (index + 1 < bytes.count ? UInt32(bytes[index + 1]) : 0)
        }
        while total >> 16 != 0 { total = (total & 0xffff) + total >> 16 }
        return UInt16(total)
    }

    @Test(arguments: [(0, 0), (1, 1), (8, 1), (1800, 225), (9000, 1125), (65535, 8191)])
    func `an advertisement gets the option with the router's lifetime`(_ lifetime: UInt16, _ units: UInt16) throws {
        let before = advertisement(lifetime: lifetime)
        let (verdict, after) = try object.run(.announce, on: before)
        #expect(verdict == 0)
        let length = before.count - 54 + 16
        #expect(Array(after[18..<20]) == [UInt8(length >> 8), UInt8(length & 255)])
        // All but the length, the checksum and the option is as it was.
        #expect(Array(after[..<18]) == Array(before[..<18]) && Array(after[20..<56]) == Array(before[20..<56]))
        #expect(Array(after[58..<before.count]) == Array(before[58...]))
        let scaled = units << 3
        let prefix: [UInt8] = [0, 0x64, 0xff, 0x9b] + [UInt8](repeating: 0, count: 8)
        #expect(Array(after[before.count...]) == [38, 2, UInt8(scaled >> 8), UInt8(scaled & 255)] + prefix)
        let pseudo = Array(after[22..<54]) + [0, 0, UInt8(length >> 8), UInt8(length & 255), 0, 0, 0, 58]
        #expect(Self.sum(pseudo + Array(after[54...])) == 0xffff)
    }

    @Test func `nothing else is touched`() throws {
        let others = [
            advertisement(lifetime: 1800, type: 133), advertisement(lifetime: 1800, hopLimit: 64),
            advertisement(lifetime: 1800, more: [1, 2, 3]), advertisement(lifetime: 1800, trailer: [0, 0, 0, 0]),
        ]
        for frame in others {
            let (verdict, after) = try object.run(.announce, on: frame)
            #expect(verdict == 0)
            #expect(after == frame)
        }
    }
}
