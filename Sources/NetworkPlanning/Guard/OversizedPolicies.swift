import NetworkModel

/// What is said of a port that is closed because its policies are too large to be built.
enum OversizedPolicies {
    static func message(_ pieces: Int) -> String {
        "the port is closed: its policies have \(pieces) pieces (spans of ports times the peers of every rule that holds "
            + "them), and a host builds \(Policy.Spec.maximumPiecesOfPort); \(advice)"
    }

    static let advice =
        "name prefixes in place of policies with many members, join ports to ranges, or use fewer policies"
}
