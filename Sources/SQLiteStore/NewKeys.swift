import Persistence

/// The changes of a transaction that put a key which the transaction demands to be absent: SQLite need not be asked what
/// is there before.
struct NewKeys {
    /// By the number of the change.
    private var areNew: [Bool]
    /// The other conditions.
    private(set) var conditions: [StoreTransaction.Condition] = []
    private var count = 0

    /// A savepoint costs as much as some looks at keys.
    private static let many = 32
    /// Who writes many keys demands them in the order in which they are put, so that they are found without a table; so
    /// many that are not put may stand between them. One that is not found is asked for.
    private static let reach = 4

    init(_ transaction: StoreTransaction) {
        areNew = Array(repeating: false, count: transaction.changes.count)
        var change = 0
        for condition in transaction.conditions {
            if case .absent(let key) = condition,
                let place = (change..<areNew.count).prefix(Self.reach).first(where: {
                    transaction.changes[$0].puts(key)
                })
            {
                areNew[place] = true
                change = place + 1
                count += 1
            } else {
                conditions.append(condition)
            }
        }
    }

    func isNew(_ change: Int) -> Bool { areNew[change] }

    /// Whether putting them tells at once that one is there already, at less cost than to look for each first.
    var isWorthSavepoint: Bool { count >= Self.many }
}

extension StoreTransaction.Change {
    fileprivate func puts(_ key: StoreKey) -> Bool {
        switch self {
        case .put(let own, _, _), .record(let own, _): own == key
        case .delete: false
        }
    }
}
