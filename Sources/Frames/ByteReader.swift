import Addressing

/// Reads bytes front to back and never past their end. Numbers are in network order.
struct ByteReader {
    private let bytes: ArraySlice<UInt8>
    private var position: Int
    /// What an error names.
    var part: FrameError.Part

    init(_ bytes: ArraySlice<UInt8>, _ part: FrameError.Part) {
        self.bytes = bytes
        self.part = part
        position = bytes.startIndex
    }

    /// Of the next byte, in the array that the slice is of.
    var offset: Int { position }
    var left: Int { bytes.endIndex - position }

    mutating func take(_ count: Int) throws(FrameError) -> ArraySlice<UInt8> {
        guard count <= left else { throw FrameError(part, .truncated(needed: count, left: left), at: position) }
        defer { position += count }
        return bytes[position..<position + count]
    }

    mutating func array(_ count: Int) throws(FrameError) -> [UInt8] { Array(try take(count)) }

    mutating func rest() -> [UInt8] {
        defer { position = bytes.endIndex }
        return Array(bytes[position...])
    }

    /// A reader of the next `count` bytes, which this one skips.
    mutating func reader(of count: Int, _ part: FrameError.Part) throws(FrameError) -> ByteReader {
        ByteReader(try take(count), part)
    }

    /// The number in the next `count` (1...8) bytes.
    private mutating func number(_ count: Int) throws(FrameError) -> UInt64 {
        try take(count).reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func uint8() throws(FrameError) -> UInt8 { UInt8(truncatingIfNeeded: try number(1)) }
    mutating func uint16() throws(FrameError) -> UInt16 { UInt16(truncatingIfNeeded: try number(2)) }
    mutating func uint24() throws(FrameError) -> UInt32 { UInt32(truncatingIfNeeded: try number(3)) }
    mutating func uint32() throws(FrameError) -> UInt32 { UInt32(truncatingIfNeeded: try number(4)) }
    mutating func mac() throws(FrameError) -> MACAddress { MACAddress(try number(6)) }
    mutating func address() throws(FrameError) -> IPv6Address {
        guard left >= 16 else { throw FrameError(part, .truncated(needed: 16, left: left), at: position) }
        return IPv6Address(high: try number(8), low: try number(8))
    }
}

/// How numbers become bytes, in network order.
extension [UInt8] {
    mutating func append(_ value: UInt16) { append(contentsOf: [UInt8(value >> 8), UInt8(value & 0xff)]) }
    mutating func append(_ value: UInt32) {
        append(UInt16(value >> 16))
        append(UInt16(value & 0xffff))
    }
    /// The low 24 bits.
    mutating func append(uint24 value: UInt32) {
        append(UInt8(value >> 16 & 0xff))
        append(UInt16(value & 0xffff))
    }
}
