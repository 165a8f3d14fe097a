import Addressing
import NetworkModel
import NetworkPlanning
import NodePortsTesting
import Resources
import Testing

/// When a gateway translates, and as what.
@Suite struct TranslatorTests {
    private func translations(_ plan: HostPlan) -> [TranslatorSpec?] {
        plan.steps.compactMap { step in
            switch step.operation {
            case .ensureTranslator(let spec, in: _): .some(spec)
            case .removeTranslator: .some(nil)
            default: nil
            }
        }
    }

    @Test func `a gateway translates what it is asked to, once, and ends when it is not`() throws {
        let (routed, _) = try GatewayTests().routed()
        var world = routed
        #expect(translations(world.plan).isEmpty)
        let address = try IPv6Address(parsing: "fd00:1::10")
        world.desired.gateways[world.gateway]?.nat64 = DesiredNAT64(
            prefix: .wellKnownNAT64, mappings: [IPv4Address(0xcb00_710a): address])
        let found = translations(world.plan)
        #expect(found.count == 1)
        let spec = try #require(found.first ?? nil)
        #expect(spec.mappings == [IPv4Address(0xcb00_710a): address] && spec.outer == nil && spec.block == nil)
        #expect(world.model.apply(world.plan.steps).isEmpty)
        #expect(world.plan.isEmpty)

        // Its guests are told of the prefix on every segment with advertisements, also when a device is made again.
        #expect(!spec.announced.isEmpty && spec.announced.allSatisfy { $0.text.hasPrefix("seg") })

        world.desired.gateways[world.gateway]?.nat64?.outgoing = IPv4Address(0xcb00_7101)
        let shared = try #require(translations(world.plan).first ?? nil)
        #expect(shared.block == TranslatorSpec.standardBlock && shared.outgoing == IPv4Address(0xcb00_7101))
        #expect(shared.routes.contains(IPv4Prefix(host: IPv4Address(0xcb00_7101))))
        #expect(world.model.apply(world.plan.steps).isEmpty)
        #expect(world.plan.isEmpty)

        world.desired.gateways[world.gateway]?.nat64?.mappings = [:]
        #expect(translations(world.plan).first??.mappings == [:])
        world.desired.gateways[world.gateway]?.nat64 = nil
        #expect(translations(world.plan) == [nil])
        #expect(world.model.apply(world.plan.steps).isEmpty)
        #expect(world.plan.isEmpty)
    }
}
