import Addressing
import NetworkModel
import Resources

extension PlanDraft {
    /// What stands between a gateway's segments and the IPv4 world.
    mutating func planTranslator(of gateway: DesiredGateway) {
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
        // Of those that are there: a device that this plan makes is seen to by the next one.
        let announced = Set(
            segments.filter { $0.ipam == .automatic && $0.prefix != nil }.map { InterfaceName.gatewaySegment($0.vni) }
                .filter { inside?.links[$0] != nil })
        let wanted = TranslatorSpec(
            prefix: nat64.prefix, own: gateway.uplink?.ipv4?.address,
            block: nat64.outgoing == nil ? nil : TranslatorSpec.standardBlock, outer: outer?.name,
            ipv6MTU: segments.map(\.mtu.bytes).min() ?? MTU.ipv6Minimum, outerMTU: outer?.settings.mtu ?? 1500,
            mappings: nat64.mappings, announced: announced)
        guard inside?.translator != wanted else { return }
        add(.ensureTranslator(wanted, in: namespace), for: .gateway(gateway.id), in: .gateways)
    }
}

extension MTU {
    /// RFC 8200 section 5.
    fileprivate static var ipv6Minimum: Int { 1280 }
}
