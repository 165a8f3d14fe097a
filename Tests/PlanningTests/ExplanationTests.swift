import NFTables
import NetworkModel
import Testing

@Suite struct ExplanationTests {
    @Test func `every reason for which the guard drops has its rule and advice, and no other`() {
        // What is dropped behind the ruleset has a reason of its own.
        let others = DropExplanation.allCases.filter { $0 != .closed }
        #expect(Set(DropReason.allCases.map(\.rawValue)) == Set(others.map(\.rawValue)))
        for explanation in DropExplanation.allCases {
            #expect(!explanation.rule.isEmpty && !explanation.rule.hasSuffix("."))
            #expect(!explanation.advice.isEmpty)
        }
    }
}
