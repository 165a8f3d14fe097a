/// What tells one packet of a probe from another: nonce, kind, side and number, in 20 bytes.
package struct ProbeMark: Hashable, Sendable {
    package var kind: ProbeTally.Kind
    /// Whether the end that is asked about first has sent it.
    package var isFirst: Bool
    package var number: UInt16

    package init(_ kind: ProbeTally.Kind, isFirst: Bool, number: UInt16) {
        self.kind = kind
        self.isFirst = isFirst
        self.number = number
    }

    package static let length = 20

    package func bytes(_ nonce: ProbeNonce) -> [UInt8] {
        nonce.bytes + [
            UInt8(ProbeTally.Kind.allCases.firstIndex(of: kind) ?? 0), isFirst ? 1 : 0, UInt8(number >> 8),
            UInt8(number & 0xff),
        ]
    }

    /// Whether a frame is the probe's neighbour solicitation (ICMPv6 type 135): its target is the nonce.
    package static func isSolicitation(_ frame: UnsafeRawBufferPointer, _ nonce: [UInt8]) -> Bool {
        frame.count >= 78 && frame[12] == 0x86 && frame[13] == 0xdd && frame[20] == 58 && frame[54] == 135
            && frame[62..<78].elementsEqual(nonce)
    }

    /// nil for anything else than a packet of the probe with that nonce.
    package init?(_ bytes: UnsafeRawBufferPointer, at offset: Int, _ nonce: [UInt8]) {
        guard bytes.count >= offset + Self.length, bytes[offset..<offset + 16].elementsEqual(nonce),
            ProbeTally.Kind.allCases.indices.contains(Int(bytes[offset + 16]))
        else { return nil }
        kind = ProbeTally.Kind.allCases[Int(bytes[offset + 16])]
        isFirst = bytes[offset + 17] == 1
        number = UInt16(bytes[offset + 18]) << 8 | UInt16(bytes[offset + 19])
    }
}
