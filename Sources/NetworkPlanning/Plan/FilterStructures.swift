import NFTables
import NetworkModel

/// The two structures that a host's packet filter may have, and which of them it shall have.
///
/// The one that keeps gateways' routed uplinks off the underlay costs every bridged frame a hook where br_netfilter leads
/// frames to the host's firewall (docs/decisions/0049). A host that has it keeps it: it is right without uplinks as well, and
/// a plan that has been carried out is followed by an empty one.
final class FilterStructures: Sendable {
    let plain: Ruleset
    let leading: Ruleset
    private let port: UInt16

    private init(port: UInt16) {
        self.port = port
        plain = KCRuleset.structure(vxlanPort: port)
        leading = KCRuleset.structure(vxlanPort: port, leadsUplinks: true)
    }

    /// Nearly all underlays have the port of RFC 7348: their structures are rendered once.
    private static let usual = FilterStructures(port: 4789)

    static func of(_ underlay: Underlay.Spec) -> FilterStructures {
        underlay.port == usual.port ? usual : FilterStructures(port: underlay.port)
    }

    /// Whether the host has, or shall have, the other end of some gateway's routed uplink.
    static func leadsUplinks(_ desired: HostSnapshot, seen: ObservedIndex) -> Bool {
        !seen.uplinks.isEmpty || desired.gateways.values.contains { $0.uplink?.way == .routed }
    }

    /// - Parameter present: the digest of what the kernel has.
    func structure(leadsUplinks: Bool, present: String?) -> Ruleset {
        leadsUplinks || present == leading.digest ? leading : plain
    }
}
