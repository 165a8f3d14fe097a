import Persistence
import Resources

/// A 64-bit checksum over a key, the revision that wrote it, and its value, kept beside the value and looked at by every
/// read: SQLite has checks for its own structure, none for what is stored in it.
///
/// Each step is a bijection of the state and of the eight bytes taken in, so that any change within eight bytes that
/// belong together is found for certain, and any other with a chance of 1 - 2^-64. No defence against intent.
struct ValueSum {
    private var state: UInt64 = 0x6b63_7374_6f72_6531

    /// As SQLite keeps it.
    static func of(_ key: UnsafeRawBufferPointer, modified: Int64, _ value: UnsafeRawBufferPointer) -> Int64 {
        var sum = ValueSum()
        sum.add(key)
        sum.mix(UInt64(bitPattern: modified))
        sum.add(value)
        return Int64(bitPattern: sum.state)
    }

    static func of(_ entry: StoreEntry) -> Int64 {
        entry.key.withBytes { key in
            entry.value.withUnsafeBytes { of(key, modified: Int64(entry.modified.value), $0) }
        }
    }

    private mutating func add(_ bytes: UnsafeRawBufferPointer) {
        mix(UInt64(bytes.count))
        var offset = 0
        while offset + 8 <= bytes.count {
            mix(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        guard offset < bytes.count else { return }
        var rest: UInt64 = 0
        for byte in bytes[offset...] { rest = rest << 8 | UInt64(byte) }
        mix(rest)
    }

    private mutating func mix(_ word: UInt64) {
        // Odd, hence a bijection: the golden ratio's first 64 bits.
        state = (state ^ word) &* 0x9e37_79b9_7f4a_7c15
        state ^= state >> 29
    }
}

extension StoreKey {
    /// The key's bytes as SQLite gets them.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        var text = text
        return try text.withUTF8 { try body(UnsafeRawBufferPointer($0)) }
    }
}
