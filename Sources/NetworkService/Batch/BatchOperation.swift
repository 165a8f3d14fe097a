package import Resources

/// One write among several that stand or fall together.
package struct BatchOperation: Sendable {
    package enum Verb: Sendable {
        /// Creates a resource from its document.
        case create(JSONNode)
        /// Replaces spec and metadata of the resource with that name or id; `expecting` as for a single write.
        case update(item: String, JSONNode, expecting: Revision?)
        case delete(item: String, expecting: Revision?)
    }

    package var kind: Kind
    /// Name or id, for a kind that lives in one.
    package var project: String?
    package var verb: Verb

    package init(_ kind: Kind, project: String? = nil, _ verb: Verb) {
        self.kind = kind
        self.project = project
        self.verb = verb
    }

    /// Operations of one batch: what one store transaction takes with room to spare.
    package static let maximumCount = 1000
}

/// What a batch left behind.
package struct BatchWritten: Sendable {
    /// One for each operation, in their order.
    package var results: [Result]
    /// From which on every server shows all of it.
    package var revision: Revision

    package struct Result: Hashable, Sendable {
        package var kind: Kind
        package var id: ResourceID
        package var name: Name
        /// Deleted: there is nothing to read any more.
        package var isGone: Bool
    }
}

extension Problem {
    /// Of a batch: the first one's code, the place in the request, and all that were found.
    init(_ operations: [OperationProblem], of count: Int) {
        guard let first = operations.first else {
            self.init(.internal, "a batch failed without a reason")
            return
        }
        let what = first.item.map { "\(first.kind) '\($0)'" } ?? first.kind.singular
        let others = operations.count > 1 ? " (and \(operations.count - 1) more operations are wrong)" : ""
        self.init(
            first.problem.code,
            "operations[\(first.index)], \(what): \(first.problem.detail)\(others); "
                + "nothing was written of the \(count) operations",
            field: "operations[\(first.index)]"
                + (first.problem.field.map { $0 == "item" ? ".item" : ".document.\($0)" } ?? ""),
            value: first.problem.value, rule: first.problem.rule)
        self.operations = operations
    }
}
