package import Logging
package import Persistence
package import Resources

extension EtcdStore {
    /// A store in the era that etcd is in. Waits for a cluster that is not there, or has no majority: it may come up after its
    /// servers, and nothing is gained by giving up.
    /// - Throws: `CancellationError`, and `.corrupt` when what is kept is no era.
    package static func open(_ options: EtcdOptions, logger: Logger) async throws -> EtcdStore {
        let first = EtcdStore(options, logger: logger)
        let era: EtcdEra
        do { era = try await first.waitForEra() } catch {
            await first.close()
            throw error
        }
        guard era != .zero else { return first }
        await first.close()
        return EtcdStore(options, era: era, logger: logger)
    }

    private func waitForEra() async throws -> EtcdEra {
        while true {
            do throws(StoreError) {
                if try await !takesLargeTransactions() {
                    gateway.logger.warning("large batches will be refused: start etcd with --max-txn-ops 20000")
                }
                return try await currentEra().era
            } catch {
                if error.code == .corrupt { throw error }
                gateway.logger.error("etcd does not serve yet", metadata: ["reason": "\(error)"])
            }
            try await Task.sleep(for: .seconds(1))
        }
    }

    /// The era that is kept in etcd, and etcd's number of the change that began it.
    private func currentEra() async throws(StoreError) -> (era: EtcdEra, number: Int64) {
        let question = JSONWriter.document { $0.bytes("key", eraKey) }
        let answer = try await gateway.ask("kv/range", operation: "read the era") { _ in question }
        guard let found = answer.elements("kvs").first else { return (.zero, 0) }
        guard let era = found.bytes("value").flatMap(EtcdEra.init(bytes:)) else {
            throw StoreError(
                .corrupt, operation: "read the era",
                cause: "'\(options.prefix)/era' in etcd is no era; it is a number that `kcd restore` writes")
        }
        return (era, found.number("mod_revision"))
    }

    /// Begins another era: after a restore of etcd, before a server starts. What anybody knows by a revision of before means
    /// nothing any more.
    /// - Returns: where the store begins, greater than any revision that was ever handed out.
    package func beginEra() async throws(StoreError) -> Revision {
        for _ in 1...5 {
            let (era, number) = try await currentEra()
            guard let next = era.next else {
                throw StoreError(.invalid, operation: "begin an era", cause: "there is none after \(era.first)")
            }
            let question = JSONWriter.document { writer in
                writer.name("compare")
                writer.array { writer in
                    writer.object { writer in
                        writer.bytes("key", eraKey)
                        writer.member("target", "MOD")
                        writer.member("result", "EQUAL")
                        writer.number("mod_revision", number)
                    }
                }
                writer.name("success")
                writer.array { writer in
                    writer.object { writer in
                        writer.name("request_put")
                        writer.object { writer in
                            writer.bytes("key", eraKey)
                            writer.bytes("value", next.bytes)
                        }
                    }
                }
            }
            // Not repeated where nobody knows whether it was done: another attempt reads first, and one era more harms nobody.
            let answer = try await gateway.ask("kv/txn", operation: "begin an era", mayRepeat: false) { _ in question }
            if answer.flag("succeeded") { return next.revision(ofEtcd: answer["header"]?.number("revision") ?? 0) }
        }
        throw StoreError(.unavailable, operation: "begin an era", cause: "somebody else begins eras too")
    }

    private var eraKey: [UInt8] { Array((options.prefix + "/era").utf8) }
}
