import Commands
import NetworkModel

extension FrameExplanation {
    /// Where the rule is and which elements are missing, a line each. Nothing for who may see no hosts.
    var evidence: [String] {
        let chains = step.rules.map { "\($0.chain) \($0.number)" }.joined(separator: " → ")
        let place = [step.host, step.device, step.table].compactMap(\.self).joined(separator: ", ")
        let places = place.isEmpty ? [] : [chains.isEmpty ? place : "\(place): \(chains)"]
        return places + step.missing.map { "not there: \($0)" }
    }
}
