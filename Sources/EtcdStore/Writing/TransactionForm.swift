import Persistence
import Resources

/// A transaction as etcd is asked for it.
struct TransactionForm {
    let transaction: StoreTransaction
    let keys: KeySpace
    /// nil for a transaction that puts nothing.
    var slot: WriterSlots.Slot?

    /// - Parameter isRepeat: an earlier copy may be under way: where this one is not done, none shall be.
    func question(isRepeat: Bool) -> [UInt8] {
        JSONWriter.document { writer in
            writer.name("compare")
            writer.array { writer in
                for condition in transaction.conditions { compare(condition, &writer) }
                if let slot { compare(slot, &writer) }
            }
            writer.name("success")
            writer.array { writer in
                for change in transaction.changes { apply(change, &writer) }
                if let slot { put(slot.key, slot.done, lease: nil, &writer) }
            }
            writer.name("failure")
            writer.array { writer in
                if let slot { range(slot.key, isKeyAlone: false, &writer) }
                for condition in transaction.conditions { range(keys.bytes(condition.key), isKeyAlone: true, &writer) }
                if let slot, isRepeat { bar(slot, &writer) }
            }
        }
    }

    private func compare(_ condition: StoreTransaction.Condition, _ writer: inout JSONWriter) {
        let key = keys.bytes(condition.key)
        switch condition {
        case .absent: compare(key, "CREATE", "EQUAL", "create_revision", 0, &writer)
        case .exists: compare(key, "CREATE", "GREATER", "create_revision", 0, &writer)
        case .modified(_, let revision):
            // An absent key counts as modified at 0, which no revision is; nor is anything as an earlier era had it.
            let number = revision == .zero ? nil : keys.era.numberOfEtcd(revision)
            compare(key, "MOD", "EQUAL", "mod_revision", number ?? UInt64(Int64.max), &writer)
        }
    }

    private func compare(_ slot: WriterSlots.Slot, _ writer: inout JSONWriter) {
        compare(slot.key, "MOD", "EQUAL", "mod_revision", keys.era.numberOfEtcd(slot.modified) ?? 0, &writer)
    }

    private func compare(
        _ key: [UInt8], _ target: String, _ result: String, _ member: String, _ value: UInt64,
        _ writer: inout JSONWriter
    ) {
        writer.object { writer in
            writer.bytes("key", key)
            writer.member("target", target)
            writer.member("result", result)
            writer.number(member, value)
        }
    }

    private func apply(_ change: StoreTransaction.Change, _ writer: inout JSONWriter) {
        switch change {
        case .put(let key, let value, let lease): put(keys.bytes(key), value, lease: lease, &writer)
        case .record(let key, let value): put(keys.bytes(key), value, lease: nil, &writer)
        case .delete(let key):
            operation("request_delete_range", &writer) { $0.bytes("key", keys.bytes(key)) }
        }
    }

    private func put(_ key: [UInt8], _ value: [UInt8], lease: LeaseID?, _ writer: inout JSONWriter) {
        operation("request_put", &writer) { writer in
            writer.bytes("key", key)
            writer.bytes("value", value)
            if let lease { writer.number("lease", lease.value) }
        }
    }

    private func range(_ key: [UInt8], isKeyAlone: Bool, _ writer: inout JSONWriter) {
        operation("request_range", &writer) { writer in
            writer.bytes("key", key)
            writer.name("keys_only")
            writer.bool(isKeyAlone)
        }
    }

    private func bar(_ slot: WriterSlots.Slot, _ writer: inout JSONWriter) {
        operation("request_txn", &writer) { writer in
            writer.name("compare")
            writer.array { compare(slot, &$0) }
            writer.name("success")
            writer.array { put(slot.key, slot.barred, lease: nil, &$0) }
        }
    }

    private func operation(_ name: String, _ writer: inout JSONWriter, _ members: (inout JSONWriter) -> Void) {
        writer.object { writer in
            writer.name(name)
            writer.object(members)
        }
    }
}
