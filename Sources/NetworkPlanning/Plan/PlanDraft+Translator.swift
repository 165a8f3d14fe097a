import Addressing
import NetworkModel
import Resources

extension PlanDraft {
    /// What stands between a gateway's segments and the IPv4 world.
    ///
    /// - Parameter advertised: the segments with router advertisements, whose guests are told of the prefix.
    mutating func planTranslator(of gateway: DesiredGateway, on advertised: [DesiredSegment]) {
        let namespace = NamespaceName.gateway(gateway.id)
        let inside = context.observed.inside[namespace]
        guard let nat64 = gateway.nat64 else {
            if inside?.links[.translator] != nil || inside?.translator != nil {
                add(.removeTranslator(in: namespace), for: .gateway(gateway.id), in: .gateways)
            }
            return
        }
        let outer = inside?.links[.up0]
        let segments = gateway.ports.keys.compactMap { context.desired.segments[$0] }
        let announced = Set(advertised.map { InterfaceName.gatewaySegment($0.vni) })
        let wanted = TranslatorSpec(
            prefix: nat64.prefix, own: gateway.uplink?.ipv4?.address,
            block: nat64.outgoing == nil ? nil : TranslatorSpec.standardBlock, outgoing: nat64.outgoing,
            outer: outer?.name,
            ipv6MTU: segments.map(\.mtu.bytes).min() ?? MTU.ipv6Minimum, outerMTU: outer?.settings.mtu ?? 1500,
            mappings: nat64.mappings, announced: announced)
        // What was on a device that is made again has gone with it.
        let isWhole = advertised.allSatisfy { segment in gateway.ports[segment.id].map { !made.contains($0) } ?? true }
        guard inside?.translator != wanted || !isWhole else { return }
        add(.ensureTranslator(wanted, in: namespace), for: .gateway(gateway.id), in: .gateways)
    }
}

extension MTU {
    /// RFC 8200 section 5.
    fileprivate static var ipv6Minimum: Int { 1280 }
}
