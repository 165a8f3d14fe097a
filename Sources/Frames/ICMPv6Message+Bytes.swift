import Addressing

extension ICMPv6Message {
    func bytes(from source: IPv6Address, to destination: IPv6Address) -> [UInt8] {
        var message = [body.type, code, 0, 0] + body.bytes
        let field =
            switch checksum {
            case .right:
                Checksum.value(
                    source: source, destination: destination, protocol: NextHeader.icmpv6, message: message)
            case .wrong(let value): value
            }
        message[2] = UInt8(field >> 8)
        message[3] = UInt8(field & 0xff)
        return message
    }

    init(_ reader: inout ByteReader, from source: IPv6Address, to destination: IPv6Address) throws(FrameError) {
        reader.part = .icmpv6
        var whole = reader
        var message = whole.rest()
        let type = try reader.uint8()
        let code = try reader.uint8()
        let field = try reader.uint16()
        message[2] = 0
        message[3] = 0
        let right = Checksum.value(
            source: source, destination: destination, protocol: NextHeader.icmpv6, message: message)
        self.init(try Body(type, &reader), code: code, checksum: field == right ? .right : .wrong(field))
    }
}

extension ICMPv6Message.Body {
    fileprivate var bytes: [UInt8] {
        var bytes: [UInt8] = []
        switch self {
        case .failure(_, let parameter, let invoking):
            bytes.append(parameter)
            bytes += invoking
        case .echo(_, let identifier, let sequence, let data):
            bytes.append(identifier)
            bytes.append(sequence)
            bytes += data
        case .listener(_, let maximumDelay, let group, let more):
            bytes.append(maximumDelay)
            bytes += [0, 0] + group.bytes + more
        case .routerSolicitation(let options): bytes += [0, 0, 0, 0] + options.flatMap(\.bytes)
        case .routerAdvertisement(let router):
            bytes += [router.hopLimit, router.flags]
            bytes.append(router.lifetime)
            bytes.append(router.reachable)
            bytes.append(router.retransmission)
            bytes += router.options.flatMap(\.bytes)
        case .neighbourSolicitation(let target, let options):
            bytes += [0, 0, 0, 0] + target.bytes + options.flatMap(\.bytes)
        case .neighbourAdvertisement(let flags, let target, let options):
            bytes += [flags.rawValue, 0, 0, 0] + target.bytes + options.flatMap(\.bytes)
        case .redirect(let target, let destination, let options):
            bytes += [0, 0, 0, 0] + target.bytes + destination.bytes + options.flatMap(\.bytes)
        case .listenerReport(let records):
            bytes += [0, 0]
            bytes.append(UInt16(truncatingIfNeeded: records.count))
            bytes += records.flatMap(\.bytes)
        case .other(_, let rest): bytes += rest
        }
        return bytes
    }

    fileprivate init(_ type: UInt8, _ reader: inout ByteReader) throws(FrameError) {
        switch type {
        case 1...4: self = .failure(type: type, parameter: try reader.uint32(), invoking: reader.rest())
        case 128, 129:
            self = .echo(
                isReply: type == 129, identifier: try reader.uint16(), sequence: try reader.uint16(),
                data: reader.rest())
        case 130...132:
            let delay = try reader.uint16()
            _ = try reader.uint16()  // reserved
            self = .listener(type: type, maximumDelay: delay, group: try reader.address(), more: reader.rest())
        case 133:
            _ = try reader.uint32()
            self = .routerSolicitation(try NDOption.all(&reader))
        case 134:
            self = .routerAdvertisement(
                .init(
                    hopLimit: try reader.uint8(), flags: try reader.uint8(), lifetime: try reader.uint16(),
                    reachable: try reader.uint32(), retransmission: try reader.uint32(), try NDOption.all(&reader)))
        case 135:
            _ = try reader.uint32()
            self = .neighbourSolicitation(target: try reader.address(), try NDOption.all(&reader))
        case 136:
            let flags = ICMPv6Message.NeighbourFlags(rawValue: UInt8(try reader.uint32() >> 24))
            self = .neighbourAdvertisement(flags, target: try reader.address(), try NDOption.all(&reader))
        case 137:
            _ = try reader.uint32()
            self = .redirect(
                target: try reader.address(), destination: try reader.address(), try NDOption.all(&reader))
        case 143:
            _ = try reader.uint16()
            let count = Int(try reader.uint16())
            // Not reserved in advance: the count is the sender's word.
            var records: [ICMPv6Message.ListenerRecord] = []
            for _ in 0..<count { records.append(try ICMPv6Message.ListenerRecord(&reader)) }
            guard reader.left == 0 else {
                throw FrameError(.mldRecord, .length(field: count, room: count + 1), at: reader.offset)
            }
            self = .listenerReport(records)
        default: self = .other(type: type, reader.rest())
        }
    }
}

extension ICMPv6Message.ListenerRecord {
    fileprivate var bytes: [UInt8] {
        let padded = auxiliary + [UInt8](repeating: 0, count: (4 - auxiliary.count % 4) % 4)
        var bytes = [type, UInt8(truncatingIfNeeded: padded.count / 4)]
        bytes.append(UInt16(truncatingIfNeeded: sources.count))
        return bytes + group.bytes + sources.flatMap(\.bytes) + padded
    }

    fileprivate init(_ reader: inout ByteReader) throws(FrameError) {
        reader.part = .mldRecord
        let type = try reader.uint8()
        let auxiliary = Int(try reader.uint8()) * 4
        let count = Int(try reader.uint16())
        let group = try reader.address()
        var sources: [IPv6Address] = []
        for _ in 0..<count { sources.append(try reader.address()) }
        self.init(type: type, group: group, sources: sources, auxiliary: try reader.array(auxiliary))
    }
}
