import FoundationEssentials
package import Resources

extension ResourceID {
    /// A new one: version 4 of RFC 9562 (section 5.4), 122 bits from the system's generator.
    ///
    /// Not `UUID()`, which opens, reads and closes a file of the system for each: a batch makes a thousand.
    package static func random() -> ResourceID {
        var generator = SystemRandomNumberGenerator()
        let high = generator.next() & ~0xf000 | 0x4000
        let low = generator.next() & ~(3 << 62) | 1 << 63
        return withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { bytes in
            ResourceID(UUID(uuid: bytes.loadUnaligned(as: uuid_t.self)))
        }
    }
}
