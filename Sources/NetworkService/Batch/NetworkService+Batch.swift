import FoundationEssentials
package import Persistence
package import Resources
import Synchronization

extension NetworkService {
    /// Does up to `BatchOperation.maximumCount` operations in one transaction of the store: all of them or none.
    ///
    /// Each operation sees what those before it in the list did, so that a segment and the attachments on it may come
    /// together; each resource may stand in the list once. Validation, assignment and conditions are those of single
    /// writes, and so is the race with other writers: whoever commits first wins, the other one plans again.
    /// - Throws: a problem with the code of the first operation that is wrong, and up to 20 of them in `operations`.
    package func write(
        _ operations: [BatchOperation], by principal: Principal, alongside: Alongside = Alongside()
    ) async throws(Problem) -> BatchWritten {
        guard (1...BatchOperation.maximumCount).contains(operations.count) else {
            throw Problem(
                operations.isEmpty ? .invalidField : .tooLarge, field: "operations", value: "\(operations.count)",
                rule: "must be 1 to \(BatchOperation.maximumCount) operations")
        }
        if !cache.isSynced { try await self.await(.any) }
        let steps = try Self.steps(operations)
        let subject = WritePlan.Subject(id: steps[0].id, projectID: nil, name: .standard)
        let (revision, results) = try await write(subject, by: principal, alongside: alongside) {
            plan, state throws(Problem) in
            try state.trying(&plan) { plan, state throws(Problem) in try Self.plan(steps, &plan, &state) }
        }
        return BatchWritten(results: results, revision: revision)
    }

    /// Problems that a batch names at most: enough to mend a file, few enough to read.
    private static var maximumProblems: Int { 20 }

    private static func steps(_ operations: [BatchOperation]) throws(Problem) -> [BatchStep] {
        var steps: [BatchStep] = []
        steps.reserveCapacity(operations.count)
        var problems: [OperationProblem] = []
        for (index, operation) in operations.enumerated() where problems.count < maximumProblems {
            do throws(Problem) { steps.append(try BatchStep(operation, id: .random())) } catch {
                problems.append(
                    OperationProblem(index: index, kind: operation.kind.name, item: operation.givenItem, problem: error)
                )
            }
        }
        guard problems.isEmpty else { throw Problem(problems, of: operations.count) }
        return steps
    }

    /// Goes on after an operation that is wrong, to find the others; such a plan is never committed.
    private static func plan(_ steps: [BatchStep], _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem)
        -> [BatchWritten.Result]
    {
        var results: [BatchWritten.Result] = []
        results.reserveCapacity(steps.count)
        var problems: [OperationProblem] = []
        var seen: [ResourceID: Int] = [:]
        seen.reserveCapacity(steps.count)
        plan.reserve(operations: steps.count)
        for (index, step) in steps.enumerated() where problems.count < maximumProblems {
            let done = plan.effects.count
            do throws(Problem) {
                let result = try step.plan(&plan, &state)
                if let first = seen.updateValue(index, forKey: result.id) {
                    throw Problem(
                        field: "item", value: step.item,
                        rule: "stands in operations[\(first)] already: a batch takes each resource once")
                }
                results.append(result)
                for effect in plan.effects[done...] { state.tryOut(effect) }
            } catch {
                problems.append(
                    OperationProblem(
                        index: index, kind: step.operation.kind.name, item: String(step.item.prefix(64)), problem: error
                    ))
            }
        }
        guard problems.isEmpty else { throw Problem(problems, of: steps.count) }
        return results
    }
}

extension BatchOperation {
    /// What the operation says it is about, if that can be read.
    var givenItem: String? {
        switch verb {
        case .create(let document): document["name"]?.string.map { String($0.prefix(64)) }
        case .update(let item, _, _), .delete(let item, _): String(item.prefix(64))
        }
    }
}
