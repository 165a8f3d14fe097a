import Addressing
import DaemonConfigs
import FoundationEssentials
import NetworkModel
import NodePorts
import Resources

/// Kea's control socket: one command, one answer, in JSON. Blocks the calling thread.
struct KeaControl {
    /// The directory the server runs in.
    let directory: String
    let instance: String

    /// Whether the server can open all its interfaces; and why not.
    struct Status: Decodable {
        struct Arguments: Decodable { var sockets: Sockets? }
        struct Sockets: Decodable {
            var status: String
            var errors: [String]?
        }
        var arguments: Arguments?
    }

    private struct Answer: Decodable {
        var result: Int
        var text: String?
    }

    private struct Holder: Decodable {
        var duid: String?
        var arguments: Arguments?
        struct Arguments: Decodable { var duid: String? }
    }

    /// What keeps the server from serving all interfaces; nil when nothing does.
    /// - Throws: when it does not answer in time.
    func problem(within limit: Duration) throws(NodeError) -> String? {
        let status: Status = try decode(try send(#"{"command":"status-get"}"#, within: limit))
        guard let sockets = status.arguments?.sockets, sockets.status != "ready" else { return nil }
        return sockets.errors?.joined(separator: "; ") ?? "its sockets are \(sockets.status)"
    }

    /// Has it read its file again: it answers when it runs with it. Packets that come meanwhile wait.
    /// - Throws: with Kea's own words when it does not take it.
    func reload(within limit: Duration) throws(NodeError) {
        let answer: Answer = try decode(try send(#"{"command":"config-reload"}"#, within: limit))
        guard answer.result == 0 else { throw failure("reload", answer.text ?? "result \(answer.result)") }
    }

    /// The client that has a lease; nil when there is none.
    func holder(of address: String, type: String, within limit: Duration) throws(NodeError) -> String? {
        let command = #"{"command":"lease6-get","arguments":{"ip-address":"\#(address)","type":"\#(type)"}}"#
        let lease: Holder = try decode(try send(command, within: limit))
        return lease.arguments?.duid
    }

    func delete(_ address: String, type: String, within limit: Duration) throws(NodeError) {
        _ = try send(
            #"{"command":"lease6-del","arguments":{"ip-address":"\#(address)","type":"\#(type)"}}"#, within: limit)
    }

    /// Everything that is leased now by the server of IPv6 or of IPv4, by address.
    func leases(ipv4: Bool, within limit: Duration) throws(NodeError) -> [NetworkModel.Lease] {
        let command = #"{"command":"lease\#(ipv4 ? 4 : 6)-get-all"}"#
        let answer: LeaseList = try decode(try send(command, within: limit))
        // 3: there are none.
        guard answer.result == 0 || answer.result == 3 else {
            throw failure("ask leases of", answer.text ?? "result \(answer.result)")
        }
        return (answer.arguments?.leases ?? []).compactMap(\.value)
    }

    private struct LeaseList: Decodable {
        var result: Int
        var text: String?
        var arguments: Arguments?
        struct Arguments: Decodable { var leases: [Entry] }
        struct Entry: Decodable {
            var address: String
            var length: Int?
            var duid: String?
            /// What an IPv4 client calls itself, where it does.
            var client: String?
            var mac: String?
            /// When the client was last heard, in seconds since 1970.
            var heard: UInt32
            var lifetime: UInt32
            /// 0: in use; others were declined or are over.
            var state: Int

            enum CodingKeys: String, CodingKey {
                case address = "ip-address"
                case length = "prefix-len"
                case duid, state
                case client = "client-id"
                case mac = "hw-address"
                case heard = "cltt"
                case lifetime = "valid-lft"
            }

            var value: NetworkModel.Lease? {
                guard state == 0, let address = IPv6Address(address) ?? IPv4Address(address)?.mapped else { return nil }
                return NetworkModel.Lease(
                    prefix: IPv6Prefix(containing: address, length: length ?? 128), attachment: nil,
                    mac: mac.flatMap { MACAddress($0) }, duid: duid ?? client ?? "",
                    expires: Timestamp(milliseconds: (Int64(heard) + Int64(lifetime)) * 1000))
            }
        }
    }

    private func decode<Value: Decodable>(_ bytes: [UInt8]) throws(NodeError) -> Value {
        do { return try JSONDecoder().decode(Value.self, from: Data(bytes)) } catch {
            throw failure("read answer of", String(decoding: bytes.prefix(300), as: UTF8.self))
        }
    }

    private func send(_ command: String, within limit: Duration) throws(NodeError) -> [UInt8] {
        try SocketQuestion(path: "\(directory)/\(KeaDHCP6Configuration.controlSocket)", subject: instance)
            .ask(command, within: limit)
    }

    private func failure(_ operation: String, _ message: String) -> NodeError {
        NodeError(.program, operation: operation, subject: instance, message: message)
    }
}
