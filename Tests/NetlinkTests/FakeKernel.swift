import CMnl
import Glibc
import Testing

@testable import LinuxNetlink

/// The other end of a connection: answers each request it gets with the datagrams a test gives for it.
///
/// The real connection code runs; only the peer is made up. It ends when the connection closes, or when it has no
/// answer left, and then closes itself.
struct FakeKernel {
    let connection: NetlinkConnection

    /// - Parameter answers: for each request in turn, from its sequence number, the datagrams that answer it.
    init(_ answers: [@Sendable (UInt32) -> [[UInt8]]]) throws {
        var ends: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &ends) == 0)
        connection = NetlinkConnection(descriptor: ends[0])
        let end = ends[1]
        try startThread {
            defer { close(end) }
            for answer in answers {
                var request = [UInt8](repeating: 0, count: 4096)
                guard recv(end, &request, request.count, 0) >= 16 else { return }
                let sequence = request.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 8, as: UInt32.self) }
                for datagram in answer(sequence) {
                    _ = send(end, datagram, datagram.count, Int32(MSG_NOSIGNAL))
                }
            }
        }
    }

    static func message(
        _ type: Int, flags: Int32 = 0, _ sequence: UInt32, _ payload: [UInt8] = [0, 0, 0, 0]
    ) -> [UInt8] {
        func bytes(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        let length = UInt32(16 + payload.count)
        let kind = UInt32(type) | UInt32(flags) << 16
        return bytes(length) + bytes(kind) + bytes(sequence) + bytes(0) + payload
    }

    static func acknowledgement(_ sequence: UInt32) -> [UInt8] {
        message(Int(NLMSG_ERROR), flags: NLM_F_CAPPED, sequence, [UInt8](repeating: 0, count: 20))
    }

    /// NLMSG_ERROR with an extended acknowledgement; `request` is what a kernel without NETLINK_CAP_ACK repeats.
    static func refusal(_ errno: Int32, _ text: String, _ sequence: UInt32, request: [UInt8]? = nil) -> [UInt8] {
        let number = (0..<4).map { UInt8(truncatingIfNeeded: -errno >> (8 * Int32($0))) }
        let head = request ?? ([16, 0, 0, 0] + [UInt8](repeating: 0, count: 12))
        let words = Array(text.utf8) + [0]
        let padding = [UInt8](repeating: 0, count: (4 - words.count % 4) % 4)
        return message(
            Int(NLMSG_ERROR), flags: NLM_F_ACK_TLVS | (request == nil ? NLM_F_CAPPED : 0), sequence,
            number + head + [UInt8(words.count + 4), 0, 1, 0] + words + padding)
    }
}
