import Addressing

/// Reading and writing the numbers of a packet, in network order; nil past its end.
struct PacketBytes {
    var bytes: [UInt8]

    func uint8(_ at: Int) -> UInt8? { bytes.indices.contains(at) ? bytes[at] : nil }

    func uint16(_ at: Int) -> UInt16? {
        guard at >= 0, at + 2 <= bytes.count else { return nil }
        return UInt16(bytes[at]) << 8 | UInt16(bytes[at + 1])
    }

    func uint32(_ at: Int) -> UInt32? {
        guard let high = uint16(at), let low = uint16(at + 2) else { return nil }
        return UInt32(high) << 16 | UInt32(low)
    }

    func address(_ at: Int) -> IPv6Address? {
        guard let a = uint32(at), let b = uint32(at + 4), let c = uint32(at + 8), let d = uint32(at + 12) else {
            return nil
        }
        return IPv6Address(high: UInt64(a) << 32 | UInt64(b), low: UInt64(c) << 32 | UInt64(d))
    }

    mutating func set(_ at: Int, _ value: UInt8) { bytes[at] = value }

    mutating func set(_ at: Int, _ value: UInt16) {
        bytes[at] = UInt8(value >> 8)
        bytes[at + 1] = UInt8(value & 255)
    }

    mutating func append(_ value: UInt16) { bytes += [UInt8(value >> 8), UInt8(value & 255)] }
    mutating func append(_ value: UInt32) {
        append(UInt16(value >> 16))
        append(UInt16(value & 0xffff))
    }
    mutating func append(_ value: UInt64) {
        append(UInt32(value >> 32))
        append(UInt32(value & 0xffff_ffff))
    }
    mutating func append(_ address: IPv6Address) {
        append(address.high)
        append(address.low)
    }
}

/// A one's complement sum (RFC 1071), as a number modulo 0xffff.
struct OnesComplement {
    private(set) var value: UInt64 = 0

    static func + (left: OnesComplement, right: OnesComplement) -> OnesComplement {
        OnesComplement(value: (left.value + right.value) % 0xffff)
    }
    static func - (left: OnesComplement, right: OnesComplement) -> OnesComplement {
        OnesComplement(value: (left.value + 0xffff - right.value) % 0xffff)
    }

    init(value: UInt64 = 0) { self.value = value % 0xffff }
    init(_ bytes: ArraySlice<UInt8>) {
        var sum: UInt64 = 0
        for (index, byte) in bytes.enumerated() { sum += index % 2 == 0 ? UInt64(byte) << 8 : UInt64(byte) }
        value = sum % 0xffff
    }
    init(_ address: IPv6Address) {
        self.init(value: (address.high >> 32) + (address.high & 0xffff_ffff))
        self = self + OnesComplement(value: (address.low >> 32) + (address.low & 0xffff_ffff))
    }
    init(_ address: IPv4Address) { self.init(value: UInt64(address.value)) }

    /// The sum of an IPv6 pseudo-header (RFC 8200 section 8.1).
    static func pseudo(_ source: IPv6Address, _ destination: IPv6Address, _ length: Int, _ next: UInt8)
        -> OnesComplement
    {
        OnesComplement(source) + OnesComplement(destination) + OnesComplement(value: UInt64(length) + UInt64(next))
    }

    /// The checksum field of what sums up to this without it.
    var checksum: UInt16 { ~UInt16(truncatingIfNeeded: value) }

    /// A checksum field after what it covers has changed (RFC 1624).
    static func update(_ checksum: UInt16, from old: OnesComplement, to new: OnesComplement) -> UInt16 {
        (OnesComplement(value: UInt64(~checksum)) - old + new).checksum
    }
}
