/// The attributes in a piece of a netlink message (struct nlattr, linux/netlink.h): walks only what fits, so that a
/// short or lying length ends the walk.
struct NetlinkAttributes: Sequence, IteratorProtocol {
    struct Attribute {
        /// Without NLA_F_NESTED and NLA_F_NET_BYTEORDER.
        let type: Int
        let payload: UnsafeRawBufferPointer

        var nested: NetlinkAttributes { NetlinkAttributes(payload) }

        /// A NUL-terminated string, or one without the end.
        var string: String { String(decoding: payload.prefix { $0 != 0 }, as: UTF8.self) }

        /// Network order, as all numbers of nf_tables are; nil when it is not 4 bytes.
        var number: UInt32? {
            payload.count == 4 ? UInt32(bigEndian: payload.loadUnaligned(as: UInt32.self)) : nil
        }
    }

    private var rest: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

    mutating func next() -> Attribute? {
        guard rest.count >= 4 else { return nil }
        let length = Int(rest.loadUnaligned(as: UInt16.self))
        let type = Int(rest.loadUnaligned(fromByteOffset: 2, as: UInt16.self) & 0x3fff)
        guard length >= 4, length <= rest.count else { return nil }
        let payload = UnsafeRawBufferPointer(rebasing: rest[4..<length])
        rest = UnsafeRawBufferPointer(rebasing: rest[Swift.min((length + 3) & ~3, rest.count)...])
        return Attribute(type: type, payload: payload)
    }

    /// The first of that type.
    func first(_ type: Int) -> Attribute? { first { $0.type == type } }
}
