import NFTables
import NetworkModel
import Testing

@Suite struct GatewayDropExplanationTests {
    @Test func `every reason of a gateway's firewall is explained, and nothing else`() {
        #expect(
            Set(GatewayRuleset.Reason.allCases.map(\.rawValue)) == Set(GatewayDropExplanation.allCases.map(\.rawValue)))
        for reason in GatewayDropExplanation.allCases { #expect(!reason.rule.isEmpty && !reason.advice.isEmpty) }
    }
}
