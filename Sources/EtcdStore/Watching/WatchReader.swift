import NIOCore
import Persistence
import Resources

/// What the answers of a watch's stream say, one line each: batches by revision, whole ones only.
struct WatchReader {
    enum News {
        /// The watch is there; the member was at this revision.
        case created(Revision)
        case batch(StoreBatch)
        case compacted(Revision)
        case ended(EtcdFailure)
    }

    /// Longest line: a transaction of 32 MiB in base64, and its frame.
    static let lineBytes = 64 << 20

    private let keys: KeySpace
    private let prefix: StoreKey
    /// Everything up to here has been given: what a member says again is passed over.
    private(set) var reached: Revision
    private var line: [UInt8] = []
    /// Of a revision that came in parts.
    private var partial: StoreBatch?

    init(keys: KeySpace, prefix: StoreKey, after revision: Revision) {
        self.keys = keys
        self.prefix = prefix
        reached = revision
    }

    mutating func take(_ buffer: ByteBuffer) throws(EtcdFailure) -> [News] {
        var news: [News] = []
        var rest = buffer.readableBytesView[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            line += rest[..<end]
            rest = rest[(end + 1)...]
            defer { line.removeAll(keepingCapacity: line.count < 1 << 20) }
            if !line.isEmpty { news += try read(line) }
        }
        line += rest
        guard line.count <= Self.lineBytes else {
            throw EtcdFailure(.lost, "a line of a watch has more than \(Self.lineBytes) bytes")
        }
        return news
    }

    private mutating func read(_ line: [UInt8]) throws(EtcdFailure) -> [News] {
        let node: JSONNode
        do { node = try JSONParser.parse(kept: line) } catch {
            throw EtcdFailure(.lost, "a watch said what is not JSON: \(error)")
        }
        guard let result = node["result"] else {
            let message = node["error"]?["message"]?.string ?? node["error"]?.string
            return [.ended(EtcdFailure(message: message ?? "a watch ended: \(node.excerpt)"))]
        }
        if result.flag("canceled") {
            let compacted = keys.revision(result, "compact_revision")
            if compacted > .zero { return [.compacted(compacted)] }
            return [.ended(EtcdFailure(message: result["cancel_reason"]?.string ?? "the member ended the watch"))]
        }
        if result.flag("created") { return [.created(keys.headerRevision(result))] }
        return try batches(result.elements("events"), isPart: result.flag("fragment")).map { .batch($0) }
    }

    /// Events of one revision are one batch; the last one of a part may go on in the next.
    private mutating func batches(_ events: [JSONNode], isPart: Bool) throws(EtcdFailure) -> [StoreBatch] {
        var batches: [StoreBatch] = []
        var current = partial
        partial = nil
        for node in events {
            guard let kv = node["kv"] else { throw EtcdFailure(.lost, "an event of a watch has no key") }
            let revision = keys.revision(kv, "mod_revision")
            // Said before: etcd 3.4 may begin a watch too early, or go back after a partition.
            guard revision > reached else { continue }
            let event = try event(kv, isDelete: node["type"]?.string == "DELETE")
            if let batch = current, batch.revision != revision {
                guard batch.revision < revision else {
                    throw EtcdFailure(.lost, "a watch went from revision \(batch.revision) back to \(revision)")
                }
                batches.append(batch)
                current = nil
            }
            current = current ?? StoreBatch(revision: revision, events: [])
            current?.events.append(event)
        }
        if isPart { partial = current } else if let current { batches.append(current) }
        if let last = batches.last { reached = last.revision }
        return batches
    }

    private func event(_ kv: JSONNode, isDelete: Bool) throws(EtcdFailure) -> StoreBatch.Event {
        guard isDelete else { return .put(try keys.entry(kv)) }
        guard let bytes = kv.bytes("key"), let key = keys.key(bytes) else {
            throw EtcdFailure(.lost, "a key that is none of this store's was deleted: \(kv.excerpt)")
        }
        return .delete(key)
    }
}
