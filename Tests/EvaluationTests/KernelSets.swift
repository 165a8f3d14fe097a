import Glibc
import NFTables
import NetworkPlanning
import NodePorts

/// What the kernel has in the sets that packets fill, of the namespace of the calling thread. Asked by netlink, with
/// code that shares nothing with what is tested; besides, nft 1.0.6 cannot list keys of five parts.
struct KernelSets {
    /// Of each set: keys, and how often the counter beside each counted.
    var elements: [Identifier: [ElementKey: UInt64]] = [:]

    init(_ sets: [NamedSet]) throws(NodeError) {
        let descriptor = socket(16, Int32(SOCK_RAW.rawValue), 12)  // AF_NETLINK, NETLINK_NETFILTER
        guard descriptor >= 0 else { throw Self.failure("socket") }
        defer { close(descriptor) }
        for set in sets {
            let request = Self.request(set.name.text)
            guard send(descriptor, request, request.count, 0) == request.count else { throw Self.failure("send") }
            var isDone = false
            while !isDone {
                var bytes = [UInt8](repeating: 0, count: 1 << 16)
                let got = recv(descriptor, &bytes, bytes.count, 0)
                guard got > 0 else { throw Self.failure("receive") }
                isDone = try read(bytes[..<got], set)
            }
        }
    }

    /// NFT_MSG_GETSETELEM of table and set (linux/netfilter/nf_tables.h) as a dump.
    private static func request(_ set: String) -> [UInt8] {
        func attribute(_ type: UInt8, _ text: String) -> [UInt8] {
            let value = Array(text.utf8) + [0]
            let count = value.count + 4
            return [UInt8(count), 0, type, 0] + value + [UInt8](repeating: 0, count: (4 - count % 4) % 4)
        }
        let content = [7, 0, 0, 0] + attribute(1, KCRuleset.table.text) + attribute(2, set)
        return [UInt8(16 + content.count), 0, 0, 0, 13, 10, 0x01, 0x03, 1, 0, 0, 0, 0, 0, 0, 0] + content
    }

    /// - Returns: whether the answer is complete.
    private mutating func read(_ bytes: ArraySlice<UInt8>, _ set: NamedSet) throws(NodeError) -> Bool {
        var rest = bytes
        while rest.count >= 16 {
            let start = rest.startIndex
            let length = Int(Self.host32(rest.prefix(4)))
            let type = Int(rest[start + 4]) | Int(rest[start + 5]) << 8
            guard length >= 16, length <= rest.count else { break }
            if type == 3 { return true }  // NLMSG_DONE
            if type == 2 {  // NLMSG_ERROR
                errno = -Int32(bitPattern: Self.host32(rest[(start + 16)..<(start + 20)]))
                throw Self.failure("list \(set.name)")
            }
            for list in Self.attributes(rest[(start + 20)..<(start + length)]) where list.type == 3 {
                for element in Self.attributes(list.value) { note(element.value, set) }
            }
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return false
    }

    private mutating func note(_ element: ArraySlice<UInt8>, _ set: NamedSet) {
        var key: ElementKey?
        var packets: UInt64 = 0
        for attribute in Self.attributes(element) {
            switch attribute.type {
            case 1:  // NFTA_SET_ELEM_KEY, NFTA_DATA_VALUE in it
                // A key of one part is as long as the part; ElementKey pads that too.
                key = Self.attributes(attribute.value).first.map { data in
                    let bytes = Array(data.value) + [UInt8](repeating: 0, count: (4 - data.value.count % 4) % 4)
                    return bytes.withUnsafeBytes(ElementKey.init)
                }
            case 7:  // NFTA_SET_ELEM_EXPR: name, then data with the counter's bytes and packets
                for data in Self.attributes(attribute.value) where data.type == 2 {
                    for part in Self.attributes(data.value) where part.type == 2 {
                        packets = part.value.reduce(0) { $0 << 8 | UInt64($1) }
                    }
                }
            default: break
            }
        }
        if let key { elements[set.name, default: [:]][key] = packets }
    }

    private static func attributes(_ bytes: ArraySlice<UInt8>) -> [(type: Int, value: ArraySlice<UInt8>)] {
        var found: [(type: Int, value: ArraySlice<UInt8>)] = []
        var rest = bytes
        while rest.count >= 4 {
            let start = rest.startIndex
            let length = Int(rest[start]) | Int(rest[start + 1]) << 8
            guard length >= 4, length <= rest.count else { break }
            let type = (Int(rest[start + 2]) | Int(rest[start + 3]) << 8) & 0x3fff  // NLA_TYPE_MASK
            found.append((type, rest[(start + 4)..<(start + length)]))
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return found
    }

    private static func host32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func failure(_ operation: String) -> NodeError {
        NodeError(.errno(errno), operation: operation, subject: "sets of bridge kc")
    }
}
