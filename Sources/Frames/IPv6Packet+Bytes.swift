import Addressing

extension IPv6Packet {
    /// As it goes over the wire.
    package var bytes: [UInt8] {
        let numbers = extensions.map(\.number) + [content.number]
        var payload: [UInt8] = []
        for (header, next) in zip(extensions, numbers.dropFirst()) { payload += header.bytes(next: next) }
        payload += content.bytes(from: source, to: destination)
        var bytes: [UInt8] = []
        bytes.append(6 << 28 | UInt32(trafficClass) << 20 | flowLabel & 0xf_ffff)
        switch length {
        case .right: bytes.append(UInt16(truncatingIfNeeded: payload.count))
        case .wrong(let field): bytes.append(field)
        }
        bytes += [numbers[0], hopLimit]
        return bytes + source.bytes + destination.bytes + payload
    }

    /// How many bytes ``bytes`` has.
    var count: Int { bytes.count }

    /// Reads a packet from the front of the reader, which then stands after the payload that the header announces.
    init(_ reader: inout ByteReader) throws(FrameError) {
        reader.part = .ipv6
        let start = reader.offset
        let first = try reader.uint32()
        guard first >> 28 == 6 else { throw FrameError(.ipv6, .version(UInt8(first >> 28)), at: start) }
        let length = Int(try reader.uint16())
        var next = try reader.uint8()
        let hopLimit = try reader.uint8()
        let source = try reader.address()
        let destination = try reader.address()
        guard length <= reader.left else {
            throw FrameError(.ipv6, .length(field: length, room: reader.left), at: start + 4)
        }
        var payload = try reader.reader(of: length, .ipv6)
        var extensions: [ExtensionHeader] = []
        var isFragmented = false
        while !isFragmented, let header = try ExtensionHeader(announcedBy: &next, &payload) {
            extensions.append(header)
            if case .fragment(let offset, let more, _) = header { isFragmented = offset != 0 || more }
        }
        let content =
            isFragmented
            ? Content.raw(protocol: next, payload.rest())
            : try Content(next, &payload, from: source, to: destination)
        self.init(
            from: source, to: destination, hopLimit: hopLimit, trafficClass: UInt8(first >> 20 & 0xff),
            flowLabel: first & 0xf_ffff, through: extensions, content)
    }

    /// Reads a packet that is all of these bytes.
    /// - Throws: where and why they are not one; bytes after the announced payload are a wrong length.
    package init(parsing bytes: [UInt8]) throws(FrameError) {
        var reader = ByteReader(bytes[...], .ipv6)
        try self.init(&reader)
        guard reader.left == 0 else {
            throw FrameError(.ipv6, .length(field: bytes.count - 40 - reader.left, room: bytes.count - 40), at: 4)
        }
    }

    /// The packet in pieces of at most `size` bytes after each Fragment header (rounded down to a multiple of 8, at
    /// least 8). A small `size` gives the tiny first fragments of RFC 7112: whatever is cut goes into the next piece.
    /// - Parameter unfragmentable: how many extension headers stand before the Fragment header, in every piece.
    package func fragments(of size: Int, identification: UInt32, unfragmentable: Int = 0) -> [IPv6Packet] {
        let kept = Array(extensions.prefix(max(0, unfragmentable)))
        var inner = self
        inner.extensions = Array(extensions.dropFirst(kept.count))
        inner.length = .right
        let bytes = Array(inner.bytes.dropFirst(40))
        let next = inner.extensions.first?.number ?? content.number
        let step = max(8, size / 8 * 8)
        return stride(from: 0, to: max(1, bytes.count), by: step).map { start in
            let end = min(bytes.count, start + step)
            let header = ExtensionHeader.fragment(
                offset: UInt16(truncatingIfNeeded: start / 8), more: end < bytes.count, identification: identification)
            var piece = self
            piece.extensions = kept + [header]
            piece.content = .raw(protocol: next, Array(bytes[start..<end]))
            return piece
        }
    }
}

extension IPv6Packet.Content {
    fileprivate init(
        _ next: UInt8, _ reader: inout ByteReader, from source: IPv6Address, to destination: IPv6Address
    ) throws(FrameError) {
        switch next {
        case NextHeader.icmpv6: self = .icmpv6(try ICMPv6Message(&reader, from: source, to: destination))
        case NextHeader.udp: self = .udp(try UDPDatagram(&reader, from: source, to: destination))
        case NextHeader.tcp: self = .tcp(try TCPSegment(&reader, from: source, to: destination))
        case NextHeader.none: self = .none(reader.rest())
        default: self = .raw(protocol: next, reader.rest())
        }
    }
}
