import NFTables
import NetworkModel
import Testing

@Suite struct ExplanationTests {
    @Test func `every reason for which the guard drops has its rule and advice, and no other`() {
        #expect(Set(DropReason.allCases.map(\.rawValue)) == Set(DropExplanation.allCases.map(\.rawValue)))
        for explanation in DropExplanation.allCases {
            #expect(!explanation.rule.isEmpty && !explanation.rule.hasSuffix("."))
            #expect(!explanation.advice.isEmpty)
        }
    }
}
