package import Logging
package import Persistence
package import Resources

/// The store of a cluster: layer 5, an etcd v3 of any number of members, through its JSON gateway. Must not know what the
/// keys mean.
///
/// Any number of processes may use one etcd at a time. Reads are linearizable: they see what was acknowledged anywhere. A
/// request that a member does not answer goes to another one, a write under a guard by which etcd itself tells whether it
/// was done already (`WriterSlots`). A relaxed transaction is as durable as any.
///
/// Sizes: transactions of KC have up to `StoreLimits.changes` changes and 32 MiB; members take that when they are started
/// with `--max-txn-ops 20000 --max-request-bytes 50331648`, and refuse it as `.invalid` when not.
package final class EtcdStore: Store {
    let gateway: Gateway
    let keys: KeySpace
    let slots: WriterSlots
    let options: EtcdOptions

    /// Opens nothing: a cluster that is not there shows at the first request.
    /// - Parameter era: as etcd has it (`open`); revisions of another one mean nothing here.
    package init(_ options: EtcdOptions, era: EtcdEra = .zero, logger: Logger) {
        self.options = options
        gateway = Gateway(options, logger: logger)
        keys = KeySpace(prefix: options.prefix, era: era)
        slots = WriterSlots(root: keys.writers)
    }

    /// Ends every connection; later calls fail with `.unavailable`. May be called again.
    package func close() async { await gateway.close() }

    package func get(_ key: StoreKey) async throws(StoreError) -> (entry: StoreEntry?, revision: Revision) {
        try StoreLimits.check(key, operation: "get")
        let question = JSONWriter.document { $0.bytes("key", keys.bytes(key)) }
        let answer = try await gateway.ask("kv/range", operation: "get") { _ in question }
        let entries = try entries(of: answer, "get")
        return (entries.first, keys.headerRevision(answer))
    }

    package func list(_ prefix: StoreKey, after: StoreKey?, limit: Int) async throws(StoreError) -> StorePage {
        try StoreLimits.check(pageLimit: limit)
        for _ in 1..<4 {
            do throws(StoreError) {
                return try await page(prefix, after: after, limit: limit)
            } catch {
                // Compacted between two parts of the page: what is there now is another state.
                guard case .compacted = error.code else { throw error }
            }
        }
        return try await page(prefix, after: after, limit: limit)
    }

    /// In parts of some megabytes, all of one revision.
    private func page(_ prefix: StoreKey, after: StoreKey?, limit: Int) async throws(StoreError) -> StorePage {
        var page = StorePage(entries: [], revision: .zero, hasMore: false)
        var from = after.map { keys.bytes($0) + [0] } ?? keys.bytes(prefix)
        if from.lexicographicallyPrecedes(keys.bytes(prefix)) { from = keys.bytes(prefix) }
        let end = keys.end(prefix)
        guard from.lexicographicallyPrecedes(end) else {
            page.revision = try await currentRevision()
            return page
        }
        var step = 256
        repeat {
            let wanted = min(step, limit - page.entries.count)
            let question = JSONWriter.document { writer in
                writer.bytes("key", from)
                writer.bytes("range_end", end)
                writer.number("limit", wanted)
                if let revision = keys.era.numberOfEtcd(page.revision), revision > 0 {
                    writer.number("revision", revision)
                }
            }
            let answer = try await gateway.ask("kv/range", operation: "list") { _ in question }
            let part = try entries(of: answer, "list")
            if page.revision == .zero { page.revision = keys.headerRevision(answer) }
            page.entries += part
            page.hasMore = answer.flag("more")
            guard let last = part.last else { break }
            from = keys.bytes(last.key) + [0]
            let bytes = part.reduce(0) { $0 + $1.value.count + 256 }
            step = max(8, min(10_000, (8 << 20) * part.count / bytes))
        } while page.hasMore && page.entries.count < limit
        return page
    }

    func entries(of answer: JSONNode, _ operation: String) throws(StoreError) -> [StoreEntry] {
        var entries: [StoreEntry] = []
        do throws(EtcdFailure) {
            for node in answer.elements("kvs") { entries.append(try keys.entry(node)) }
        } catch {
            throw StoreError(.corrupt, operation: operation, cause: error.text)
        }
        return entries
    }

    package func watch(_ prefix: StoreKey, after revision: Revision) -> AsyncThrowingStream<StoreBatch, any Error> {
        let watch = EtcdWatch(prefix, after: revision, keys: keys, gateway: gateway)
        return AsyncThrowingStream { try await watch.next() }
    }

    package func compact(through revision: Revision) async throws(StoreError) {
        // What an earlier era had went with it.
        guard let number = keys.era.numberOfEtcd(revision) else { return }
        let question = JSONWriter.document { $0.number("revision", number) }
        do throws(StoreError) {
            _ = try await gateway.ask("kv/compaction", operation: "compact") { _ in question }
        } catch {
            // Done already, here or by another process.
            if case .compacted = error.code { return }
            throw error
        }
    }

    package func currentRevision() async throws(StoreError) -> Revision {
        keys.headerRevision(try await gateway.ask("kv/range", operation: "revision") { [question] _ in question })
    }

    /// Whether the members take the largest transactions of KC, so that an operator hears of it before a user does.
    package func takesLargeTransactions() async throws(StoreError) -> Bool {
        // As many operations as the largest has, none of which is done: nothing stands under "success".
        let question = JSONWriter.document { writer in
            writer.name("failure")
            writer.array { writer in
                for _ in 0..<(StoreLimits.changes + 1) {
                    writer.object { writer in
                        writer.name("request_range")
                        writer.object { $0.bytes("key", Array(keys.writers.utf8)) }
                    }
                }
            }
        }
        do throws(StoreError) {
            _ = try await gateway.ask("kv/txn", operation: "look at limits") { _ in question }
            return true
        } catch {
            guard error.code == .invalid else { throw error }
            return false
        }
    }

    /// A read that costs etcd next to nothing, for the revision in its answer's header.
    var question: [UInt8] { Self.revisionQuestion(keys) }

    static func revisionQuestion(_ keys: KeySpace) -> [UInt8] {
        JSONWriter.document { writer in
            writer.bytes("key", Array(keys.writers.utf8))
            writer.name("count_only")
            writer.bool(true)
        }
    }
}
