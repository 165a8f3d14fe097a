package import ComputeModel
package import Persistence
package import Resources

/// What goes over a console.
extension ComputeService {
    /// What a follower of pieces watches in the store.
    package func pieces(of console: ConsoleSession, _ way: ConsoleWay) -> StoreKey {
        ComputeLayout.pieces(console.session, way)
    }

    /// Takes over a piece. One that is there already is no mistake: its answer may have been lost.
    /// - Parameter number: from 0 on, one after the other.
    /// - Throws: `notFound` when the session has ended; `rateLimited` for something typed that the host does not take.
    package func take(
        _ piece: ConsolePiece, number: UInt64, over console: ConsoleSession, _ way: ConsoleWay
    ) async throws(Problem) {
        let key = ComputeLayout.piece(console.session, way, number)
        var transaction = StoreTransaction(
            conditions: [.absent(key)], changes: [.put(key, piece.json, lease: console.lease)], durability: .relaxed)
        do {
            // Numbers are the caller's: how many pieces there are is counted, and not concluded from them.
            if number >= way.kept {
                let present = try await store.list(pieces(of: console, way), after: nil, limit: Int(way.kept)).entries
                if present.count >= Int(way.kept), !present.contains(where: { $0.key == key }) {
                    switch way {
                    case .input:
                        var problem = Problem(.rateLimited, "the VM's host takes nothing that is typed; try again")
                        problem.retryAfterSeconds = 1
                        throw problem
                    case .output: transaction.changes.append(.delete(present[0].key))
                    }
                }
            }
            _ = try await store.commit(transaction)
        } catch let error as StoreError {
            guard error.code == .leaseNotFound else { throw Problem(error) }
            throw Problem(.notFound, consoleEnd(of: console.vm))
        } catch let problem as Problem { throw problem } catch {
            throw Problem(.unavailable, "the request was given up")
        }
    }

    /// Pieces from a number on, in order, as many as are read at once.
    package func pieces(
        over console: ConsoleSession, _ way: ConsoleWay, from number: UInt64
    ) async throws(Problem) -> [(number: UInt64, json: [UInt8])] {
        let prefix = ComputeLayout.pieces(console.session, way)
        do {
            let page = try await store.list(
                prefix, after: number > 0 ? ComputeLayout.piece(console.session, way, number - 1) : nil, limit: 16)
            return page.entries.compactMap { entry in
                UInt64(entry.key.text.dropFirst(prefix.text.count), radix: 16).map { ($0, entry.value) }
            }
        } catch { throw Problem(error) }
    }

    /// Forgets pieces that have come to whom they were for.
    package func forget(
        _ numbers: [UInt64], of console: ConsoleSession, _ way: ConsoleWay
    ) async throws(Problem) {
        guard !numbers.isEmpty else { return }
        let changes = numbers.map {
            StoreTransaction.Change.delete(ComputeLayout.piece(console.session, way, $0))
        }
        do { _ = try await store.commit(StoreTransaction(changes: changes, durability: .relaxed)) } catch {
            throw Problem(error)
        }
    }
}
