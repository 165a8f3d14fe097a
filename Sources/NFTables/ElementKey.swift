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
    package init(_ fields: [Field], _ values: [FieldValue]) {
        precondition(fields.count == values.count, "a key of \(fields.count) parts")
        withUnsafeMutableBytes(of: &words) { bytes in
            for (field, value) in zip(fields, values) {
                let start = Int(count)
                switch value {
                case .number(let number):
                    let width = field.byteCount
                    for index in 0..<width {
                        let shift = UInt64(8 * (field.isHostOrder ? index : width - 1 - index))
                        bytes[start + index] = UInt8(truncatingIfNeeded: shift < 64 ? number >> shift : 0)
                    }
                case .address(let address):
                    bytes.storeBytes(of: address.high.bigEndian, toByteOffset: start, as: UInt64.self)
                    bytes.storeBytes(of: address.low.bigEndian, toByteOffset: start + 8, as: UInt64.self)
                case .interface(let name):
                    for (index, byte) in name.text.utf8.prefix(16).enumerated() { bytes[start + index] = byte }
                }
                count += Int8(field.paddedCount)
            }
        }
    }

    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withUnsafeBytes(of: words) { body(UnsafeRawBufferPointer(rebasing: $0[..<Int(count)])) }
    }

    /// The parts again; nil when the length is another or a name is none.
    package func values(of fields: [Field]) -> [FieldValue]? {
        guard fields.reduce(0, { $0 + $1.paddedCount }) == Int(count) else { return nil }
        var values: [FieldValue] = []
        var start = 0
        for field in fields {
            guard let value = value(of: field, at: start) else { return nil }
            values.append(value)
            start += field.paddedCount
        }
        return values
    }

    /// The part of that field beginning at a byte.
    package func value(of field: Field, at start: Int) -> FieldValue? {
        withBytes { bytes in
            let part = bytes[start..<(start + field.byteCount)]
            switch field {
            case .meta(.inputName), .meta(.outputName):
                let name = try? InterfaceName(String(decoding: part.prefix { $0 != 0 }, as: UTF8.self))
                return name.map(FieldValue.interface)  // nil: no name that KC gives
            case .ipv6Source, .ipv6Destination:
                return IPv6Address(bytes: part).map(FieldValue.address)
            default:
                let number = field.isHostOrder ? part.reversed().reduce(0, Self.shift) : part.reduce(0, Self.shift)
                return .number(number)
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
    package static func < (left: ElementKey, right: ElementKey) -> Bool {
        left.withBytes { left in right.withBytes { left.lexicographicallyPrecedes($0) } }
    }
}
