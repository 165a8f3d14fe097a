import CMnl

/// One netlink message as the log's socket receives it.
struct LogMessage {
    let type: UInt16
    /// What follows the netlink header.
    let payload: UnsafeRawBufferPointer

    /// A logged frame (NFULNL_MSG_PACKET).
    struct Packet {
        var prefix = ""
        /// Index of the bridge port, or where there is no bridge, of the device.
        var source: Int32?
        var destination: Int32?
        var sequence: UInt32?
        var bytes: [UInt8] = []
    }

    /// The messages in a datagram; ends at the first that does not fit.
    static func messages(in datagram: UnsafeRawBufferPointer) -> [LogMessage] {
        var messages: [LogMessage] = []
        var rest = datagram
        let header = MemoryLayout<nlmsghdr>.size
        while rest.count >= header {
            let length = Int(rest.loadUnaligned(as: UInt32.self))
            guard length >= header, length <= rest.count else { break }
            messages.append(
                LogMessage(
                    type: rest.loadUnaligned(fromByteOffset: 4, as: UInt16.self),
                    payload: UnsafeRawBufferPointer(rebasing: rest[header..<length])))
            rest = UnsafeRawBufferPointer(rebasing: rest[min((length + 3) & ~3, rest.count)...])
        }
        return messages
    }

    /// The frame, put together from link-layer header, VLAN tag and payload; nil when it is another message.
    func packet() -> Packet? {
        guard type == UInt16(NFNL_SUBSYS_ULOG) << 8 | UInt16(NFULNL_MSG_PACKET.rawValue),
            payload.count >= MemoryLayout<nfgenmsg>.size
        else { return nil }
        var packet = Packet()
        var link: UnsafeRawBufferPointer?
        var hardware: UnsafeRawBufferPointer?
        var content: UnsafeRawBufferPointer?
        var tag: [UInt8] = []
        Self.each(in: UnsafeRawBufferPointer(rebasing: payload[MemoryLayout<nfgenmsg>.size...])) { type, value in
            switch type {
            case NFULA_PREFIX.rawValue: packet.prefix = String(decoding: value.prefix { $0 != 0 }, as: UTF8.self)
            // In the bridge family these are the ports, and the plain ones the bridge.
            case NFULA_IFINDEX_PHYSINDEV.rawValue: packet.source = Self.index(value)
            case NFULA_IFINDEX_PHYSOUTDEV.rawValue: packet.destination = Self.index(value)
            case NFULA_IFINDEX_INDEV.rawValue: packet.source = packet.source ?? Self.index(value)
            case NFULA_IFINDEX_OUTDEV.rawValue: packet.destination = packet.destination ?? Self.index(value)
            case NFULA_SEQ.rawValue: packet.sequence = Self.number(value)
            case NFULA_L2HDR.rawValue: link = value
            case NFULA_HWHEADER.rawValue: hardware = value
            case NFULA_PAYLOAD.rawValue: content = value
            case NFULA_VLAN.rawValue: tag = Self.tag(value)
            default: break
            }
        }
        // The bridge family has the whole header before the payload; others may have none at all.
        if let link = link ?? hardware {
            packet.bytes.append(contentsOf: link.prefix(12))
            packet.bytes.append(contentsOf: tag)
            packet.bytes.append(contentsOf: link.dropFirst(12))
        }
        if let content { packet.bytes.append(contentsOf: content) }
        return packet
    }

    /// The tag that the kernel keeps beside a frame: protocol and control information as on the wire.
    private static func tag(_ nest: UnsafeRawBufferPointer) -> [UInt8] {
        var identifier: [UInt8] = []
        var control: [UInt8] = []
        each(in: nest) { type, value in
            // Both are 16 bits in network order.
            switch type {
            case NFULA_VLAN_PROTO.rawValue: identifier = Array(value.prefix(2))
            case NFULA_VLAN_TCI.rawValue: control = Array(value.prefix(2))
            default: break
            }
        }
        return identifier.count == 2 && control.count == 2 ? identifier + control : []
    }

    /// struct nlattr (linux/netlink.h); a short or lying length ends the walk.
    private static func each(in bytes: UnsafeRawBufferPointer, _ body: (UInt32, UnsafeRawBufferPointer) -> Void) {
        var rest = bytes
        while rest.count >= 4 {
            let length = Int(rest.loadUnaligned(as: UInt16.self))
            let type = rest.loadUnaligned(fromByteOffset: 2, as: UInt16.self) & 0x3fff
            guard length >= 4, length <= rest.count else { return }
            body(UInt32(type), UnsafeRawBufferPointer(rebasing: rest[4..<length]))
            rest = UnsafeRawBufferPointer(rebasing: rest[min((length + 3) & ~3, rest.count)...])
        }
    }

    private static func number(_ value: UnsafeRawBufferPointer) -> UInt32? {
        value.count == 4 ? UInt32(bigEndian: value.loadUnaligned(as: UInt32.self)) : nil
    }

    private static func index(_ value: UnsafeRawBufferPointer) -> Int32? { number(value).map(Int32.init(bitPattern:)) }
}
