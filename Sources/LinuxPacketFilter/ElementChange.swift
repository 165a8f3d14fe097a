import CMnl
import Glibc
import NFTables
import NetworkPlanning
import NodePorts

/// One element to be there or not.
struct ElementChange {
    var element: GuardElement
    var isAddition: Bool

    func failure(_ answer: KernelAnswer) -> NodeError {
        NodeError(
            .errno(answer.errno), operation: isAddition ? "add element" : "delete element",
            subject: "\(element.set.family.rawValue) kc \(element)", message: answer.text)
    }

    /// nfgen_family (NFPROTO_*, linux/netfilter.h).
    static func number(_ family: Table.Family) -> UInt8 {
        switch family {
        case .bridge: UInt8(NFPROTO_BRIDGE)
        case .inet: UInt8(NFPROTO_INET)
        }
    }
}

extension NetfilterSocket {
    /// Does the changes in order in one transaction.
    ///
    /// The kernel takes an element that is there already (no NLM_F_EXCL), but refuses to delete one that is not, and
    /// with it the whole transaction (NFT_MSG_DESTROYSETELEM came with 6.3). So the sets are read only when that
    /// happened, the deletions of what is not there are left out, and the rest is tried again: once, unless someone
    /// else deletes at the same time.
    /// - Throws: the errno and the kernel's words for the first change it refuses; then nothing was changed.
    func apply(_ changes: [ElementChange]) throws(NodeError) {
        var changes = changes
        for _ in 0..<5 {
            if changes.isEmpty { return }
            let runs = Self.runs(changes)
            let refused = try transaction(changes, runs)
            if refused.isEmpty {
                transactions &+= 1
                return
            }
            if let other = refused.first(where: {
                changes[runs[$0.index].lowerBound].isAddition || $0.answer.errno != ENOENT
            }) {
                throw changes[runs[other.index].lowerBound].failure(other.answer)
            }
            changes = try withoutAbsentDeletions(changes)
        }
        throw NodeError(.errno(EAGAIN), operation: "change", subject: "elements", message: "the sets never rest")
    }

    /// Consecutive changes that one message can carry: of one set, in one direction, and no more than its list's length
    /// of 16 bits takes.
    private static func runs(_ changes: [ElementChange]) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var start = 0
        for index in changes.indices.dropFirst() {
            let (last, next) = (changes[index - 1], changes[index])
            if last.element.set != next.element.set || last.isAddition != next.isAddition || index - start >= 100 {
                runs.append(start..<index)
                start = index
            }
        }
        if !changes.isEmpty { runs.append(start..<changes.count) }
        return runs
    }

    private func withoutAbsentDeletions(_ changes: [ElementChange]) throws(NodeError) -> [ElementChange] {
        var present: [GuardSet: Set<ElementKey>] = [:]
        for set in Set(changes.map(\.element.set)) {
            var keys: Set<ElementKey> = []
            _ = try elements(of: set) { keys.insert($0.key) }
            present[set] = keys
        }
        return changes.filter { change in
            let key = change.element.element.key
            if change.isAddition {
                present[change.element.set, default: []].insert(key)
                return true
            }
            return present[change.element.set]?.remove(key) != nil
        }
    }

    /// - Returns: the runs of changes that the kernel refused; empty when all were done.
    private func transaction(
        _ changes: [ElementChange], _ runs: [Range<Int>]
    ) throws(NodeError) -> [(index: Int, answer: KernelAnswer)] {
        var request = NetfilterRequest(messages: changes.count)
        let begin = nextSequence()
        request.beginBatch(sequence: begin)
        for (index, run) in runs.enumerated() {
            // Only the last is acknowledged: an answer to each would cost as much as the change.
            let isLast = index == runs.count - 1
            let first = changes[run.lowerBound]
            request.begin(
                first.isAddition ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM,
                family: ElementChange.number(first.element.set.family),
                flags: NLM_F_REQUEST | (first.isAddition ? NLM_F_CREATE : 0) | (isLast ? NLM_F_ACK : 0),
                sequence: nextSequence())
            request.put(UInt16(NFTA_SET_ELEM_LIST_TABLE.rawValue), string: KCRuleset.table.text)
            request.put(UInt16(NFTA_SET_ELEM_LIST_SET.rawValue), string: first.element.set.set.name.text)
            request.nest(UInt16(NFTA_SET_ELEM_LIST_ELEMENTS.rawValue)) { list in
                for change in changes[run] { list.put(change.element.element, isAddition: change.isAddition) }
            }
        }
        request.endBatch(sequence: nextSequence())
        try send(request)
        return try answers(begin: begin, count: runs.count, subject: "elements").map {
            (index: Int($0.sequence &- begin) - 1, answer: $0)
        }
    }

    /// The kernel names every message it refuses. Hundreds of answers do not fit the receive buffer: then the rest is
    /// lost, but one that is there says enough, since the batch is refused as a whole.
    ///
    /// Reads what the kernel says to a batch of `count` messages, the last of which asked for an acknowledgement.
    /// - Returns: the refusals of single messages.
    /// - Throws: a refusal of the batch as a whole, or an answer that lacks the acknowledgement.
    func answers(begin: UInt32, count: Int, subject: String) throws(NodeError) -> [KernelAnswer] {
        var refusals: [KernelAnswer] = []
        var isAcknowledged = false
        while true {
            let messages: [NetlinkMessage]
            do throws(NodeError) {
                messages = try receive()
            } catch {
                guard error.code == .errno(ENOBUFS) else { throw error }
                continue
            }
            if messages.isEmpty { break }
            for answer in messages.compactMap(\.failure) {
                let index = answer.sequence &- begin
                guard index <= UInt32(count) + 1 else { continue }  // of an earlier request
                if answer.errno == 0 {
                    isAcknowledged = true
                } else if (1...UInt32(count)).contains(index) {
                    refusals.append(answer)
                } else {
                    throw NodeError(
                        .errno(answer.errno), operation: "change", subject: subject, message: answer.text)
                }
            }
        }
        guard isAcknowledged || !refusals.isEmpty else {
            throw NodeError(.protocolViolation, operation: "change", subject: subject, message: "no acknowledgement")
        }
        return refusals
    }
}
