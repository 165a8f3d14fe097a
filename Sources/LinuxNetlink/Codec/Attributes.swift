import Addressing
import CMnl

/// A run of netlink attributes (type, length, value; padded to four bytes). Ends at the first that is not whole.
struct Attributes: Sequence, IteratorProtocol {
    private var rest: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

    mutating func next() -> Attribute? {
        guard rest.count >= 4 else { return nil }
        let length = Int(rest.loadUnaligned(as: UInt16.self))
        let type = Int(rest.loadUnaligned(fromByteOffset: 2, as: UInt16.self)) & 0x3fff  // NLA_TYPE_MASK
        guard length >= 4, length <= rest.count else { return nil }
        let value = UnsafeRawBufferPointer(rebasing: rest[4..<length])
        rest = UnsafeRawBufferPointer(rebasing: rest[Swift.min((length + 3) & ~3, rest.count)...])
        return Attribute(type: type, bytes: value)
    }
}

/// One attribute. The readers answer nil when the value has not the length of what is asked for.
struct Attribute {
    let type: Int
    let bytes: UnsafeRawBufferPointer

    var nested: Attributes { Attributes(bytes) }

    var uint8: UInt8? { bytes.count == 1 ? bytes[0] : nil }
    var uint16BigEndian: UInt16? { bytes.count == 2 ? UInt16(bigEndian: bytes.loadUnaligned(as: UInt16.self)) : nil }
    var uint32: UInt32? { bytes.count == 4 ? bytes.loadUnaligned(as: UInt32.self) : nil }
    var int32: Int32? { bytes.count == 4 ? bytes.loadUnaligned(as: Int32.self) : nil }

    /// Up to the first zero byte or the end; bytes that are no UTF-8 become replacement characters.
    var text: String {
        let end = bytes.firstIndex(of: 0) ?? bytes.count
        return String(decoding: UnsafeRawBufferPointer(rebasing: bytes[..<end]), as: UTF8.self)
    }

    var address: IPv6Address? {
        guard bytes.count == 16 else { return nil }
        return IPv6Address(
            high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
            low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }

    /// An IPv4 address as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2).
    var mappedAddress: IPv6Address? {
        guard bytes.count == 4 else { return nil }
        let value = UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))
        return IPv6Address(high: 0, low: 0xffff << 32 | UInt64(value))
    }

    /// IFLA_BR_MULTI_BOOLOPT: the opposite of BR_BOOLOPT_NO_LL_LEARN.
    var linkLocalLearning: Bool? {
        guard bytes.count == MemoryLayout<br_boolopt_multi>.size else { return nil }
        return bytes.loadUnaligned(as: br_boolopt_multi.self).optval >> BR_BOOLOPT_NO_LL_LEARN.rawValue & 1 == 0
    }

    var mac: MACAddress? { bytes.count == 6 ? MACAddress(bytes: bytes) : nil }

    /// The bytes are all zero, and there are some.
    var isZero: Bool { !bytes.isEmpty && bytes.allSatisfy { $0 == 0 } }
}
