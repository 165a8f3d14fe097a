import Addressing

extension EthernetFrame {
    /// As it goes over the wire; nothing is padded.
    package var bytes: [UInt8] {
        var bytes = destination.bytes + source.bytes
        for tag in tags {
            bytes.append(tag.type)
            bytes.append(tag.control)
        }
        let (type, content): (UInt16, [UInt8]) =
            switch payload {
            case .ipv6(let packet): (EtherType.ipv6, packet.bytes)
            case .other(let type, let content): (type, content)
            }
        switch framing {
        case .typed: bytes.append(type)
        case .snap(let organization, let length):
            bytes.append(length.value(8 + content.count))
            bytes += [0xaa, 0xaa, 3]
            bytes.append(uint24: organization)
            bytes.append(type)
        case .llc(let destination, let source, let control, let length):
            bytes.append(length.value(3 + content.count))
            bytes += [destination, source, control]
        }
        return bytes + content + trailer
    }

    /// Reads a whole frame.
    /// - Throws: where and why the bytes are not one. A frame of a protocol that is not read here is no error: it is
    ///   ``Payload/other(type:_:)``.
    package init(parsing bytes: [UInt8]) throws(FrameError) {
        var reader = ByteReader(bytes[...], .ethernet)
        let destination = try reader.mac()
        let source = try reader.mac()
        var type = try reader.uint16()
        var tags: [VLANTag] = []
        while type == EtherType.vlan || type == EtherType.serviceVLAN {
            guard tags.count < Self.maximumTags else {
                throw FrameError(.vlanTag, .value(tags.count + 1), at: reader.offset)
            }
            reader.part = .vlanTag
            tags.append(VLANTag(try reader.uint16(), type: type))
            type = try reader.uint16()
        }
        var framing = Framing.typed
        var end = bytes.count
        if type < EtherType.minimum {
            (framing, end) = try Self.logicalLink(&reader, field: type, tags: tags)
            guard case .snap = framing else {
                let content = try reader.array(end - reader.offset)
                self.init(
                    to: destination, from: source, tags: tags, framing: framing, .other(type: 0, content),
                    trailer: reader.rest())
                return
            }
            type = try reader.uint16()
        }
        guard type == EtherType.ipv6 else {
            let content = try reader.array(max(0, end - reader.offset))
            self.init(
                to: destination, from: source, tags: tags, framing: framing, .other(type: type, content),
                trailer: reader.rest())
            return
        }
        let packet = try IPv6Packet(&reader)
        // An 802.3 length is right when it ends where the packet ends.
        if case .snap(let organization, _) = framing {
            let said = end - (reader.offset - packet.count - 8)
            if end != reader.offset {
                framing = .snap(organization: organization, length: .wrong(UInt16(truncatingIfNeeded: said)))
            }
        }
        self.init(
            to: destination, from: source, tags: tags, framing: framing, .ipv6(packet), trailer: reader.rest())
    }

    /// The LLC header behind a length field, and where that field says that the frame ends.
    private static func logicalLink(
        _ reader: inout ByteReader, field: UInt16, tags: [VLANTag]
    ) throws(FrameError) -> (Framing, end: Int) {
        reader.part = .llc
        let start = reader.offset
        let room = reader.left
        guard Int(field) <= room, field >= 3 else {
            throw FrameError(.llc, .length(field: Int(field), room: room), at: start - 2)
        }
        let header = try reader.array(3)
        let end = start + Int(field)
        guard header == [0xaa, 0xaa, 3] else {
            return (.llc(destination: header[0], source: header[1], control: header[2], length: .right), end)
        }
        guard field >= 8 else { throw FrameError(.llc, .length(field: Int(field), room: 8), at: start - 2) }
        return (.snap(organization: try reader.uint24(), length: .right), end)
    }
}

extension EthernetFrame.Length {
    fileprivate func value(_ right: Int) -> UInt16 {
        switch self {
        case .right: UInt16(truncatingIfNeeded: right)
        case .wrong(let value): value
        }
    }
}
