package import Persistence
package import Resources

/// What clients of one store asked for and were told, and whether that can be true.
///
/// Pure: it looks at nothing but what was written down. Times are of one clock for all clients (nanoseconds).
package struct History: Sendable {
    package enum Action: Hashable, Sendable {
        /// Makes a key that nobody else makes.
        case add(String)
        /// Sets a counter to what was read and one, if nobody else did.
        case count(String, to: Int)
        /// Reads a counter.
        case read(String)
    }

    package enum Answer: Hashable, Sendable {
        /// At that revision; with the number that a read found.
        case done(Revision, number: Int?)
        /// Not written.
        case refused
        /// An error: written or not.
        case unknown
    }

    package struct Record: Hashable, Sendable {
        package var action: Action
        package var invoked: UInt64
        /// nil for what never came back.
        package var returned: UInt64?
        package var answer: Answer

        package init(_ action: Action, invoked: UInt64, returned: UInt64? = nil, answer: Answer = .unknown) {
            self.action = action
            self.invoked = invoked
            self.returned = returned
            self.answer = answer
        }
    }

    package var records: [Record]

    package init(_ records: [Record]) { self.records = records }

    /// What cannot be true, in words; none where all is well.
    /// - Parameters:
    ///   - end: everything under the prefix after all is over, by keys without the prefix.
    ///   - watchers: what each watcher ended with.
    package func violations(end: [String: StoreEntry], watchers: [[String: StoreEntry]] = []) -> [String] {
        lost(end) + miscounted(end) + backwards()
            + watchers.enumerated().compactMap { number, seen in
                guard seen != end else { return nil }
                let differing = Set(seen.keys).union(end.keys).filter { seen[$0] != end[$0] }.sorted()
                return "watcher \(number) ended with another truth: \(differing.prefix(5))"
            }
    }

    /// Every acknowledged key is there, as it was acknowledged; and none that was refused.
    private func lost(_ end: [String: StoreEntry]) -> [String] {
        records.compactMap { record in
            guard case .add(let key) = record.action else { return nil }
            switch record.answer {
            case .done(let revision, _):
                guard let entry = end[key] else { return "'\(key)' was acknowledged at \(revision) and is lost" }
                return entry.modified == revision
                    ? nil : "'\(key)' was acknowledged at \(revision), is of \(entry.modified)"
            case .refused: return end[key] == nil ? nil : "'\(key)' was refused, and is there"
            case .unknown: return nil
            }
        }
    }

    /// Each number of a counter was given once, in the order of revisions; and the end holds them all.
    private func miscounted(_ end: [String: StoreEntry]) -> [String] {
        var found: [String] = []
        var steps: [String: [(number: Int, revision: Revision)]] = [:]
        var unknown: [String: Int] = [:]
        for record in records {
            guard case .count(let counter, let number) = record.action else { continue }
            switch record.answer {
            case .done(let revision, _): steps[counter, default: []].append((number, revision))
            case .unknown: unknown[counter, default: 0] += 1
            case .refused: break
            }
        }
        for (counter, taken) in steps.sorted(by: { $0.key < $1.key }) {
            let ordered = taken.sorted { $0.number < $1.number }
            for (first, second) in zip(ordered, ordered.dropFirst()) {
                if first.number == second.number {
                    found.append("\(counter) was set to \(first.number) twice: an update was lost")
                } else if first.revision >= second.revision {
                    found.append("\(counter): \(second.number) is of a revision before that of \(first.number)")
                }
            }
            let last = end[counter].flatMap { Int(String(decoding: $0.value, as: UTF8.self)) } ?? 0
            let highest = ordered.last?.number ?? 0
            if last < highest { found.append("\(counter) was acknowledged as \(highest) and is \(last)") }
            if last > taken.count + unknown[counter, default: 0] {
                found.append(
                    "\(counter) is \(last) after \(taken.count) steps and \(unknown[counter, default: 0]) unknown ones")
            }
        }
        return found
    }

    /// What began after something had been answered is of no earlier revision; and a read of no smaller number.
    private func backwards() -> [String] {
        var found: [String] = []
        let answered = records.filter { record in
            if case .done = record.answer { record.returned != nil } else { false }
        }
        let byReturn = answered.sorted { ($0.returned ?? 0) < ($1.returned ?? 0) }
        var next = byReturn.startIndex
        var floor = Revision.zero
        var numbers: [String: Int] = [:]
        for record in answered.sorted(by: { $0.invoked < $1.invoked }) {
            while next < byReturn.endIndex, let returned = byReturn[next].returned, returned < record.invoked {
                if case .done(let revision, let number) = byReturn[next].answer {
                    floor = max(floor, revision)
                    switch byReturn[next].action {
                    case .count(let counter, let number): numbers[counter] = max(numbers[counter] ?? 0, number)
                    case .read(let counter): numbers[counter] = max(numbers[counter] ?? 0, number ?? 0)
                    case .add: break
                    }
                }
                next += 1
            }
            guard case .done(let revision, let number) = record.answer else { continue }
            if revision < floor { found.append("\(record.action) was answered at \(revision) after one at \(floor)") }
            if case .read(let counter) = record.action, let number, number < numbers[counter] ?? 0 {
                found.append("\(counter) was read as \(number) after it was \(numbers[counter] ?? 0)")
            }
        }
        return found
    }
}
