import Persistence
import Resources
import Synchronization

/// Keys of this process in etcd, one for each transaction under way, by which etcd itself tells whether it was done.
///
/// A transaction with puts compares that its slot is as it was, and writes its number there. When the answer is lost the
/// same transaction is sent again: of all its copies one at most can find the slot as it was, and where none of them did it,
/// the slot says so. A process that ends leaves its slots behind, as many as it had transactions at a time, of a few bytes
/// each.
final class WriterSlots: Sendable {
    struct Slot: Sendable {
        let key: [UInt8]
        /// The revision that wrote it last; zero while it is not there.
        var modified: Revision
        /// Of the transaction that has it now.
        var turn: UInt64

        /// What a transaction that is done leaves.
        var done: [UInt8] { Array("done \(turn)".utf8) }
        /// What is left in the place of a transaction that was not done and now never will be.
        var barred: [UInt8] { Array("barred \(turn)".utf8) }
    }

    private struct State {
        var free: [Slot] = []
        var count = 0
    }

    private let root: String
    private let state = Mutex(State())

    init(root: String) {
        self.root = root + String(UInt64.random(in: 0 ... .max), radix: 36) + "/"
    }

    func take() -> Slot {
        state.withLock { state in
            if var slot = state.free.popLast() {
                slot.turn += 1
                return slot
            }
            state.count += 1
            return Slot(key: Array((root + String(state.count)).utf8), modified: .zero, turn: 1)
        }
    }

    /// A slot of which one knows how it is. Any other is never used again.
    func giveBack(_ slot: Slot) { state.withLock { $0.free.append(slot) } }
}
