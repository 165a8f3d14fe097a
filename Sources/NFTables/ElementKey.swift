import Addressing

/// A key of a set as netlink carries it: its parts one after the other, each padded with zeros to a multiple of 4 bytes.
///
/// A value without an allocation of its own: a host has hundreds of thousands.
package struct ElementKey: Hashable, Sendable {
    /// NFT_DATA_VALUE_MAXLEN is 64 (linux/netfilter/nf_tables.h).
    package static let capacity = 64

    private var words: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)
    package private(set) var count: Int8 = 0

    /// - Parameter bytes: at most 64; what is beyond is left out.
    package init(bytes: UnsafeRawBufferPointer) {
        let length = min(bytes.count, Self.capacity)
        count = Int8(length)
        withUnsafeMutableBytes(of: &words) { $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<length])) }
    }

    /// - Parameters:
    ///   - values: one for each field, in order.
    ///   - isInterval: of an interval set: there numbers that the kernel has in the host's order stand in the network's,
    ///     or they would not be in order (rules turn them round before they look).
    package init(_ fields: [Field], _ values: [FieldValue], interval isInterval: Bool = false) {
        precondition(fields.count == values.count, "a key of \(fields.count) parts")
        var length = 0
        withUnsafeMutableBytes(of: &words) { bytes in
            for index in fields.indices {
                let field = fields[index]
                switch values[index] {
                case .number(let number):
                    let width = field.byteCount
                    if field.isHostOrder, !isInterval {
                        bytes.storeBytes(of: UInt32(truncatingIfNeeded: number), toByteOffset: length, as: UInt32.self)
                    } else if width <= 8 {
                        let shifted = (number << UInt64(8 * (8 - width))).bigEndian
                        withUnsafeBytes(of: shifted) {
                            UnsafeMutableRawBufferPointer(rebasing: bytes[length..<(length + width)]).copyMemory(
                                from: UnsafeRawBufferPointer(rebasing: $0[..<width]))
                        }
                    }
                case .address(let address):
                    bytes.storeBytes(of: address.high.bigEndian, toByteOffset: length, as: UInt64.self)
                    bytes.storeBytes(of: address.low.bigEndian, toByteOffset: length + 8, as: UInt64.self)
                case .interface(let name):
                    var text = name.text
                    text.withUTF8 {
                        UnsafeMutableRawBufferPointer(rebasing: bytes[length..<(length + 16)]).copyBytes(
                            from: $0.prefix(16))
                    }
                }
                length += field.paddedCount
            }
        }
        count = Int8(length)
    }

    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withUnsafeBytes(of: words) { body(UnsafeRawBufferPointer(rebasing: $0[..<Int(count)])) }
    }

    /// The parts again; nil when the length is another or a name is none.
    package func values(of fields: [Field], interval isInterval: Bool = false) -> [FieldValue]? {
        guard fields.reduce(0, { $0 + $1.paddedCount }) == Int(count) else { return nil }
        var values: [FieldValue] = []
        var start = 0
        for field in fields {
            guard let value = value(of: field, at: start, interval: isInterval) else { return nil }
            values.append(value)
            start += field.paddedCount
        }
        return values
    }

    /// The part of that field beginning at a byte.
    package func value(of field: Field, at start: Int, interval isInterval: Bool = false) -> FieldValue? {
        withBytes { bytes in
            guard start + field.byteCount <= bytes.count else { return nil }
            let part = bytes[start..<(start + field.byteCount)]
            switch field {
            case .meta(.inputName), .meta(.outputName):
                let name = try? InterfaceName(String(decoding: part.prefix { $0 != 0 }, as: UTF8.self))
                return name.map(FieldValue.interface)  // nil: no name that KC gives
            case .ipv6Source, .ipv6Destination:
                return IPv6Address(bytes: part).map(FieldValue.address)
            default:
                let isReversed = field.isHostOrder && !isInterval
                return .number(isReversed ? part.reversed().reduce(0, Self.shift) : part.reduce(0, Self.shift))
            }
        }
    }

    private static func shift(_ number: UInt64, _ byte: UInt8) -> UInt64 { number << 8 | UInt64(byte) }

    package static func == (left: ElementKey, right: ElementKey) -> Bool {
        left.count == right.count && left.words.0 == right.words.0 && left.words.1 == right.words.1
            && left.words.2 == right.words.2 && left.words.3 == right.words.3 && left.words.4 == right.words.4
            && left.words.5 == right.words.5 && left.words.6 == right.words.6 && left.words.7 == right.words.7
    }

    package func hash(into hasher: inout Hasher) { withBytes { hasher.combine(bytes: $0) } }
}

extension ElementKey: Comparable {
    /// By bytes.
    package static func < (left: ElementKey, right: ElementKey) -> Bool {
        let (a, b) = (left.words, right.words)
        if a.0 != b.0 { return a.0.bigEndian < b.0.bigEndian }
        if a.1 != b.1 { return a.1.bigEndian < b.1.bigEndian }
        if a.2 != b.2 { return a.2.bigEndian < b.2.bigEndian }
        if a.3 != b.3 { return a.3.bigEndian < b.3.bigEndian }
        if a.4 != b.4 { return a.4.bigEndian < b.4.bigEndian }
        if a.5 != b.5 { return a.5.bigEndian < b.5.bigEndian }
        if a.6 != b.6 { return a.6.bigEndian < b.6.bigEndian }
        if a.7 != b.7 { return a.7.bigEndian < b.7.bigEndian }
        return left.count < right.count
    }
}
