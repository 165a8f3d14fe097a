package import Persistence
import Resources

extension EtcdStore {
    package func commit(_ transaction: StoreTransaction) async throws(StoreError) -> CommitOutcome {
        try StoreLimits.check(transaction)
        // A deletion of what is not there takes no revision: with a slot it would. It is repeated where that changes nothing.
        guard transaction.putsSomething else {
            let form = TransactionForm(transaction: transaction, keys: keys, slot: nil)
            let answer = try await gateway.ask(
                "kv/txn", operation: "commit", mayRepeat: transaction.conditions.isEmpty
            ) { form.question(isRepeat: $0) }
            if answer.flag("succeeded") { return .committed(keys.headerRevision(answer)) }
            return try failed(transaction, answer.elements("responses"))
        }
        var form = TransactionForm(transaction: transaction, keys: keys, slot: slots.take())
        // Begun anew when a copy was barred whose answer was lost: twice in a row is already rare.
        for _ in 1...5 {
            guard let outcome = try await send(&form) else { continue }
            if let slot = form.slot { slots.giveBack(slot) }
            return outcome
        }
        throw StoreError(.unavailable, operation: "commit", cause: "etcd lost the answer again and again")
    }

    /// nil when it was not done and never will be, so that it can be begun anew.
    private func send(_ form: inout TransactionForm) async throws(StoreError) -> CommitOutcome? {
        guard var slot = form.slot else { return nil }
        var isRepeat = false
        let answer: JSONNode
        do throws(StoreError) {
            answer = try await gateway.ask("kv/txn", operation: "commit") { [form] again in
                isRepeat = again
                return form.question(isRepeat: again)
            }
        } catch {
            guard isRepeat else {
                // Looked at by etcd and not done.
                if error.code != .unavailable { slots.giveBack(slot) }
                throw error
            }
            // What a copy is refused for says nothing about the first.
            throw StoreError(.unavailable, operation: "commit", cause: "\(error.cause); an earlier attempt may be done")
        }
        let revision = keys.headerRevision(answer)
        if answer.flag("succeeded") {
            slot.modified = revision
            form.slot = slot
            return .committed(revision)
        }
        let responses = answer.elements("responses")
        let found = responses.first?["response_range"]?.elements("kvs").first
        let modified = found.map { keys.revision($0, "mod_revision") } ?? .zero
        let value = found?.bytes("value")
        defer { form.slot = slot }
        if modified == slot.modified {
            if isRepeat { slot.modified = revision }
            return try failed(form.transaction, Array(responses.dropFirst()))
        }
        slot.modified = modified
        if value == slot.done { return .committed(modified) }
        guard value == slot.barred || found == nil else {
            throw StoreError(
                .unavailable, operation: "commit", cause: "somebody else has written '\(slot.key)' in etcd")
        }
        slot.turn += 1
        return nil
    }

    /// The first condition that does not hold, by what etcd found in the same step.
    private func failed(
        _ transaction: StoreTransaction, _ responses: [JSONNode]
    ) throws(StoreError) -> CommitOutcome {
        for (condition, response) in zip(transaction.conditions, responses) {
            let found = response["response_range"]?.elements("kvs").first
            let modified = found.map { keys.revision($0, "mod_revision") }
            let holds =
                switch condition {
                case .absent: modified == nil
                case .exists: modified != nil
                case .modified(_, let revision): modified == revision
                }
            if !holds { return .failed(condition) }
        }
        throw StoreError(
            .unavailable, operation: "commit", cause: "etcd refused a transaction whose conditions all hold")
    }
}

extension StoreTransaction {
    fileprivate var putsSomething: Bool {
        changes.contains { change in
            switch change {
            case .put, .record: true
            case .delete: false
            }
        }
    }
}
