import FoundationEssentials
import Persistence
import Resources

/// Questions in the JSON form of etcd's protocol (proto3): bytes in base64, 64-bit numbers as text, what is zero left out.
extension JSONWriter {
    mutating func bytes(_ name: String, _ bytes: [UInt8]) {
        self.name(name)
        string(Data(bytes).base64EncodedString())
    }

    mutating func number(_ name: String, _ value: some BinaryInteger) {
        self.name(name)
        string(String(value))
    }

    static func document(_ members: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        writer.object(members)
        return writer.bytes
    }
}

/// Answers. What is absent is zero.
extension JSONNode {
    func number(_ name: String) -> Int64 { self[name]?.string.flatMap { Int64($0) } ?? 0 }
    func flag(_ name: String) -> Bool {
        if case .bool(true)? = self[name]?.content { true } else { false }
    }
    func elements(_ name: String) -> [JSONNode] {
        if case .array(let nodes)? = self[name]?.content { nodes } else { [] }
    }
    func bytes(_ name: String) -> [UInt8]? {
        guard let text = self[name]?.string else { return [] }
        return Data(base64Encoded: text).map(Array.init)
    }
}

/// Where the store's keys are in etcd, and which revisions of etcd its own ones are.
struct KeySpace: Sendable {
    private let data: [UInt8]
    let writers: String
    let era: EtcdEra

    init(prefix: String, era: EtcdEra) {
        data = Array((prefix + "/data").utf8)
        writers = prefix + "/writer/"
        self.era = era
    }

    func revision(_ node: JSONNode, _ name: String) -> Revision { era.revision(ofEtcd: node.number(name)) }

    /// The whole store's, in an answer's header.
    func headerRevision(_ answer: JSONNode) -> Revision {
        answer["header"].map { revision($0, "revision") } ?? .zero
    }

    func bytes(_ key: StoreKey) -> [UInt8] { data + Array(key.text.utf8) }

    /// nil for what is none of the store's keys.
    func key(_ bytes: [UInt8]) -> StoreKey? {
        guard bytes.starts(with: data), let text = String(validating: bytes[data.count...], as: UTF8.self) else {
            return nil
        }
        return StoreKey(text)
    }

    /// The first key behind all that begin with `prefix`. Never 0xff, which is in no text of UTF-8.
    func end(_ prefix: StoreKey) -> [UInt8] {
        var bytes = bytes(prefix)
        bytes[bytes.count - 1] += 1
        return bytes
    }

    func entry(_ node: JSONNode) throws(EtcdFailure) -> StoreEntry {
        guard let bytes = node.bytes("key"), let key = key(bytes), let value = node.bytes("value") else {
            throw EtcdFailure(.lost, "a key or value that is none of this store's came: \(node.excerpt)")
        }
        let lease = node.number("lease")
        return StoreEntry(
            key: key, value: value, created: revision(node, "create_revision"),
            modified: revision(node, "mod_revision"), lease: lease == 0 ? nil : LeaseID(lease))
    }
}
