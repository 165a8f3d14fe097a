import APIClient
import ArgumentParser
import Documents
import Resources

/// Writes the changes of `apply` in the order of what needs what: the network's in batches, each of them all or nothing;
/// those of another service, which takes no batches, one by one.
struct Applying {
    let session: Session

    /// Bytes of one batch's body: well under what the server takes, so that few large documents fit as well.
    private static let maximumBytes = 4 << 20

    /// A change, and what a batch is asked to do for it; nil when there is nothing to do.
    private struct Step {
        let change: Change
        let operation: BatchOperation?
        var takesNoBatch: Bool { change.collection.kind.service != nil }
    }

    /// Makes new resources, if one batch takes them and the server all of them.
    /// - Returns: false when nothing was written; who compares them with what is there finds out why.
    func create(_ changes: [Change]) async throws -> Bool {
        let operations = changes.compactMap(\.operation)
        guard operations.count <= BatchOperation.maximumCount,
            operations.allSatisfy({ $0.collection.kind.service == nil }),
            operations.reduce(0, { $0 + $1.size }) <= Self.maximumBytes
        else { return false }
        do { try await session.client.write(operations) } catch is APIProblem { return false }
        done(changes)
        return true
    }

    private func done(_ changes: [Change]) {
        Terminal.lines(changes.map { "\($0.manifest.title) \($0.action.past)" })
    }

    /// - Throws: `ExitCode` after the first batch that was refused; what says why is printed by then.
    func run(_ changes: [Change]) async throws {
        let batches = Self.batches(changes.map { Step(change: $0, operation: $0.operation) })
        defer { Terminal.progress("") }
        var done = 0
        for (number, batch) in batches.enumerated() {
            if batches.count > 1 { Terminal.progress("\(done) of \(changes.count) applied") }
            do {
                let operations = batch.compactMap(\.operation)
                if !operations.isEmpty { try await write(operations) }
            } catch {
                Terminal.progress("")
                let written = batch.filter { $0.operation != nil }.map(\.change)
                throw refused(written, error, rest: batches[(number + 1)...].reduce(0) { $0 + $1.count })
            }
            Terminal.progress("")
            self.done(batch.map(\.change))
            done += batch.count
        }
    }

    private func write(_ operations: [BatchOperation]) async throws {
        guard let first = operations.first, first.collection.kind.service != nil else {
            try await session.client.write(operations)
            return
        }
        for operation in operations { try await session.client.write(alone: operation) }
    }

    /// Cuts where a batch would have too many operations or too many bytes, and around each change of a service that
    /// takes no batches. What does nothing counts for none of them.
    private static func batches(_ steps: [Step]) -> [ArraySlice<Step>] {
        var batches: [ArraySlice<Step>] = []
        var start = steps.startIndex
        var (count, bytes) = (0, 0)
        for (index, step) in steps.enumerated() {
            let size = step.operation?.size ?? 0
            let isOne = size > 0 ? 1 : 0
            let isAlone = index > start && steps[index - 1].takesNoBatch || step.takesNoBatch
            if count + isOne > BatchOperation.maximumCount || bytes + size > maximumBytes || isAlone, index > start {
                batches.append(steps[start..<index])
                (start, count, bytes) = (index, 0, 0)
            }
            count += isOne
            bytes += size
        }
        if start < steps.endIndex { batches.append(steps[start...]) }
        return batches
    }

    /// Prints which documents are wrong, and what became of the others.
    private func refused(_ written: [Change], _ error: any Error, rest: Int) -> any Error {
        guard let problem = error as? APIProblem, !problem.operations.isEmpty else {
            if written.count == 1, let change = written.first, error is APIProblem {
                Terminal.error("\(change.manifest.title) failed (\(change.manifest.source))")
            }
            return error
        }
        for (index, problem) in problem.operations.sorted(by: { $0.key < $1.key }) where index < written.count {
            let manifest = written[index].manifest
            Terminal.error("\(manifest.title) failed (\(manifest.source))\n\(Complaint(problem).text)")
        }
        let others = written.count - problem.operations.count
        if others > 0 {
            Terminal.error(
                "\(Program.current.name): nothing was written of the \(others) other changes either: they come all together or not at all"
            )
        }
        if rest > 0 { Terminal.error("\(Program.current.name): \(rest) more documents were not looked at") }
        let first = problem.operations.min { $0.key < $1.key }?.value ?? problem
        return ExitCode(Complaint(first).status.rawValue)
    }
}
