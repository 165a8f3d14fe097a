import Diagnosis
import NetworkModel
import Resources
import Testing

/// What of a verdict is told to whoever has the project alone.
@Suite struct ProjectVerdictTests {
    private func verdict(_ fault: PathFault) -> PathVerdict {
        PathVerdict(
            layers: PathLayer.allCases.map { layer in
                layer == fault.layer
                    ? .init(layer, .fail, [Evidence(fault.text)])
                    : .init(layer, .ok, [Evidence("canary-host"), Evidence("web answers", for: .project)])
            }, fault: fault)
    }

    @Test(arguments: PathLayer.allCases)
    func `no layer tells a host, whatever its fault says`(layer: PathLayer) {
        let isOwn = layer == .intent || layer == .guest
        let words = isOwn ? "web has no address" : "canary-host has lost canary-device"
        let shown = verdict(
            PathFault(
                layer, isOwn ? "web" : "canary-device", on: "canary-host", words, mend: isOwn ? "x" : "canary-mend")
        ).forProject
        #expect(!String(decoding: shown.json, as: UTF8.self).contains("canary"), "\(layer)")
        #expect(shown.fault?.layer == layer, "the exit code is the same")
        #expect(shown.layers.map(\.layer) == PathLayer.allCases)
        #expect(shown.layers.first { $0.layer == layer }?.state == .fail)
        #expect(shown.layers.first { $0.layer == layer }?.evidence.isEmpty == false, "a failure without a word")
    }

    @Test func `a guard's reason is the tenant's to mend, and another's filter is not`() {
        let own = verdict(
            PathFault(.guards, "policy", on: "canary-host", "no policy lets it in", mend: "canary-mend")
        ).forProject
        #expect(own.fault?.component == "policy")
        #expect(own.fault?.mend == DropExplanation.policy.advice)
        let other = verdict(PathFault(.guards, "port", "nobody counts them", mend: "nft on canary-host")).forProject
        #expect(other.fault?.component == "network")
        #expect(!String(decoding: other.json, as: UTF8.self).contains("canary"))
    }
}
