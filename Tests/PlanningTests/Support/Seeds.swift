import FoundationEssentials

/// How many random cases a property is tried with; KC_SEEDS multiplies them for long runs, KC_SEED tries that one alone.
enum Seeds {
    static let factor = environment("KC_SEEDS") ?? 1
    static let many = upTo(400)
    static let some = upTo(100)
    static let few = upTo(30)

    private static func upTo(_ count: UInt64) -> ClosedRange<UInt64> {
        if let only = environment("KC_SEED") { return only...only }
        return 1...count * factor
    }

    private static func environment(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap(UInt64.init)
    }
}
