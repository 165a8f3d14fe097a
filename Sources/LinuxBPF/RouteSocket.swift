import Addressing
import CMnl
import Glibc
import LinuxProcesses
import NodePorts

/// A route netlink socket of the namespace of the calling thread, for the few requests a translator needs.
final class RouteSocket: ThreadState {
    private let descriptor: FileDescriptor
    private var sequence: UInt32 = 0

    init() throws(NodeError) {
        let raw = socket(AF_NETLINK, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), Int32(NETLINK_ROUTE))
        guard raw >= 0 else { throw NodeError(.errno(errno), operation: "open", subject: "netlink socket") }
        descriptor = FileDescriptor(owning: raw)
    }

    var watched: [Int32] { [] }
    func isReady(_ descriptor: Int32) {}
    var deadline: ContinuousClock.Instant? { nil }
    func deadlineIsOver() {}

    /// 0 when there is no such device.
    func index(of device: InterfaceName) -> UInt32 {
        let index = cmnl_interface_index(descriptor.raw, device.text)
        return index > 0 ? UInt32(index) : 0
    }

    /// nil when there is no such device.
    func name(of index: UInt32) -> InterfaceName? {
        var buffer = [CChar](repeating: 0, count: Int(IFNAMSIZ))
        guard cmnl_interface_name(descriptor.raw, Int32(index), &buffer) == 0 else { return nil }
        let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // A name that KC could not have asked for is not the device that is looked for.
        return try? InterfaceName(text)
    }

    /// - Parameter allowed: an errno that is success too.
    func request(
        _ type: Int, _ flags: Int32, _ body: RouteMessage, allowing allowed: Int32 = 0, _ operation: String,
        _ subject: String
    ) throws(NodeError) {
        try send(type, flags | NLM_F_ACK, body)
        for message in try receive() where message.type == UInt16(NLMSG_ERROR) {
            let code = -message.payload.int32(0)
            guard code == 0 || code == allowed else {
                throw NodeError(.errno(code), operation: operation, subject: subject)
            }
        }
    }

    /// The answers to a dump.
    func dump(_ type: Int, _ body: RouteMessage) throws(NodeError) -> [[UInt8]] {
        try send(type, NLM_F_DUMP, body)
        var found: [[UInt8]] = []
        while true {
            for message in try receive() {
                if message.type == UInt16(NLMSG_DONE) { return found }
                if message.type == UInt16(NLMSG_ERROR) {
                    throw NodeError(.errno(-message.payload.int32(0)), operation: "list", subject: "routes")
                }
                found.append(message.payload)
            }
        }
    }

    private func send(_ type: Int, _ flags: Int32, _ body: RouteMessage) throws(NodeError) {
        sequence += 1
        var message = RouteMessage()
        message.append(UInt32(16 + body.bytes.count))
        message.append(UInt16(type))
        message.append(UInt16(flags | NLM_F_REQUEST))
        message.append(sequence)
        message.append(UInt32(0))
        message.bytes += body.bytes
        guard Glibc.send(descriptor.raw, message.bytes, message.bytes.count, 0) == message.bytes.count else {
            throw NodeError(.errno(errno), operation: "send to", subject: "netlink")
        }
    }

    private func receive() throws(NodeError) -> [(type: UInt16, payload: [UInt8])] {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = recv(descriptor.raw, &buffer, buffer.count, 0)
        guard count > 0 else { throw NodeError(.errno(errno), operation: "receive from", subject: "netlink") }
        var messages: [(type: UInt16, payload: [UInt8])] = []
        var place = 0
        while place + 16 <= count {
            let length = Int(buffer.int32(place))
            guard length >= 16, place + length <= count else { break }
            // An answer to a request that was given up on is not this one's.
            if UInt32(bitPattern: buffer.int32(place + 8)) == sequence {
                messages.append((buffer.uint16(place + 4), Array(buffer[place + 16..<place + length])))
            }
            place += (length + 3) & ~3
        }
        return messages
    }
}

/// The bytes of a request: numbers in the processor's order, attributes padded to four bytes (linux/netlink.h).
struct RouteMessage {
    var bytes: [UInt8] = []

    mutating func append<Number: FixedWidthInteger>(_ number: Number) { withUnsafeBytes(of: number) { bytes += $0 } }

    /// struct ifinfomsg.
    static func link(index: UInt32 = 0, flags: Int32 = 0, change: Int32 = 0) -> RouteMessage {
        var message = RouteMessage(bytes: [0, 0, 0, 0])
        message.append(index)
        message.append(flags)
        message.append(change)
        return message
    }

    /// struct rtmsg of a unicast route in the main table.
    static func route(family: UInt8, length: Int) -> RouteMessage {
        RouteMessage(
            bytes: [
                family, UInt8(length), 0, 0, UInt8(RT_TABLE_MAIN.rawValue), UInt8(RTPROT_STATIC),
                family == UInt8(AF_INET) ? UInt8(RT_SCOPE_LINK.rawValue) : UInt8(RT_SCOPE_UNIVERSE.rawValue),
                UInt8(RTN_UNICAST), 0, 0, 0, 0,
            ])
    }

    mutating func attribute(_ type: Int, _ value: [UInt8]) {
        append(UInt16(4 + value.count))
        append(UInt16(type))
        bytes += value
        while bytes.count % 4 != 0 { bytes.append(0) }
    }

    mutating func attribute(_ type: Int, _ value: UInt32) { attribute(type, withUnsafeBytes(of: value) { Array($0) }) }
    mutating func attribute(_ type: Int, _ text: String) { attribute(type, Array(text.utf8) + [0]) }
    mutating func attribute(_ type: Int, _ nested: RouteMessage) { attribute(type, nested.bytes) }
}

extension [UInt8] {
    func int32(_ at: Int) -> Int32 {
        at + 4 <= count ? withUnsafeBytes { $0.loadUnaligned(fromByteOffset: at, as: Int32.self) } : 0
    }
    func uint16(_ at: Int) -> UInt16 {
        at + 2 <= count ? withUnsafeBytes { $0.loadUnaligned(fromByteOffset: at, as: UInt16.self) } : 0
    }

    /// The attributes from `start` on; what does not fit ends them.
    func attributes(from start: Int) -> [Int: ArraySlice<UInt8>] {
        var found: [Int: ArraySlice<UInt8>] = [:]
        var place = start
        while place + 4 <= count {
            let length = Int(uint16(place))
            guard length >= 4, place + length <= count else { break }
            found[Int(uint16(place + 2) & 0x3fff)] = self[place + 4..<place + length]
            place += (length + 3) & ~3
        }
        return found
    }
}
