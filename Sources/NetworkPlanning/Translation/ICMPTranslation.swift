/// Which ICMP error stands for which ICMPv6 error (RFC 7915 sections 4.2 and 5.2): type, code and the 32 bits after the
/// checksum.
struct ICMPTranslation {
    struct Head: Hashable {
        var type: UInt8
        var code: UInt8
        var rest: UInt32

        init(_ type: UInt8, _ code: UInt8, _ rest: UInt32 = 0) {
            self.type = type
            self.code = code
            self.rest = rest
        }
    }

    var ipv6MTU: Int
    var outerMTU: Int

    /// RFC 1191 section 7.
    static let plateaus = [65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68]

    /// - Parameter length: the total length that the quoted packet says it has.
    func toICMPv6(_ old: Head, quoting length: Int) -> Head? {
        switch (old.type, old.code) {
        case (3, 0), (3, 1), (3, 5...8), (3, 11), (3, 12): return Head(1, 0)
        case (3, 2): return Head(4, 1, 6)
        case (3, 3): return Head(1, 4)
        case (3, 4):
            var mtu = Int(old.rest & 0xffff)
            if mtu == 0 { mtu = Self.plateaus.first { $0 < length } ?? 68 }
            return Head(2, 0, UInt32(max(1280, min(mtu + 20, ipv6MTU, outerMTU + 20))))
        case (3, 9), (3, 10), (3, 13), (3, 15): return Head(1, 1)
        case (11, let code): return Head(3, code)
        case (12, 0), (12, 2):
            let pointers: [UInt32: UInt32] = [0: 0, 1: 1, 2: 4, 3: 4, 8: 7, 9: 6]
            let byte = old.rest >> 24
            if let pointer = pointers[byte] { return Head(4, 0, pointer) }
            if (12...15).contains(byte) { return Head(4, 0, 8) }
            if (16...19).contains(byte) { return Head(4, 0, 24) }
            return nil
        default: return nil
        }
    }

    func toICMPv4(_ old: Head) -> Head? {
        switch (old.type, old.code) {
        case (1, 0), (1, 2), (1, 3): return Head(3, 1)
        case (1, 1): return Head(3, 10)
        case (1, 4): return Head(3, 3)
        case (2, _): return Head(3, 4, UInt32(min(max(68, Int(old.rest) - 20), ipv6MTU - 20, outerMTU, 65535)))
        case (3, let code): return Head(11, code)
        case (4, 1): return Head(3, 2)
        case (4, 0):
            let pointers: [UInt32: UInt32] = [0: 0, 1: 1, 4: 2, 5: 2, 6: 9, 7: 8]
            if let pointer = pointers[old.rest] { return Head(12, 0, pointer << 24) }
            if (8...23).contains(old.rest) { return Head(12, 0, 12 << 24) }
            if (24...39).contains(old.rest) { return Head(12, 0, 16 << 24) }
            return nil
        default: return nil
        }
    }

    /// Echo and its reply.
    static func echo(toICMPv6 type: UInt8) -> UInt8? { [8: 128, 0: 129][type] }
    static func echo(toICMPv4 type: UInt8) -> UInt8? { [128: 8, 129: 0][type] }
}
