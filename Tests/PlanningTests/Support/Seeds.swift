import FoundationEssentials

/// How many random cases a property is tried with; KC_SEEDS multiplies them for long runs.
enum Seeds {
    static let factor = ProcessInfo.processInfo.environment["KC_SEEDS"].flatMap(UInt64.init) ?? 1
    static let many: ClosedRange<UInt64> = 1...400 * factor
    static let some: ClosedRange<UInt64> = 1...100 * factor
    static let few: ClosedRange<UInt64> = 1...30 * factor
}
