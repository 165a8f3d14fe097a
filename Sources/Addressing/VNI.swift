/// A VXLAN network identifier (RFC 7348 section 5): 24 bits; 0 is refused because many devices treat it as "none".
package struct VNI: Hashable, Comparable, Sendable {
    /// 1 to 16,777,215.
    package let value: UInt32

    package static let range: ClosedRange<UInt32> = 1...0xff_ffff

    package init(_ value: some BinaryInteger) throws(AddressingError) {
        guard let value = UInt32(exactly: value), Self.range.contains(value) else {
            throw AddressingError(type: "VNI", value: "\(value)", rule: "is not from 1 to 16777215 (24 bits, RFC 7348)")
        }
        self.value = value
    }

    package static func < (left: VNI, right: VNI) -> Bool { left.value < right.value }

    /// Six lower-case hex digits, as in device names.
    package var hex: String {
        String(unsafeUninitializedCapacity: 6) { text in
            for place in 0..<6 {
                let digit = UInt8(truncatingIfNeeded: value >> UInt32(20 - 4 * place) & 0xf)
                text[place] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
            }
            return 6
        }
    }
}

extension VNI: CustomStringConvertible {
    /// Decimal, as `ip -d link` prints it.
    package var description: String { String(value) }
}
