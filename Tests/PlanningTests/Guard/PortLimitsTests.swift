import Addressing
import NFTables
import NetworkModel
import NodePortsTesting
import Resources
import Testing

@testable import NetworkPlanning

/// What limits make of a port's elements.
@Suite struct PortLimitsTests {
    private func elements(
        _ policy: BuiltInPolicy, _ limits: AttachmentLimits
    ) throws -> Set<GuardElement> {
        var world = try World()
        world.desired.attachments[world.attachment]?.policies = [.builtIn(policy)]
        world.desired.attachments[world.attachment]?.limits = limits
        #expect(world.model.apply(world.plan.steps).isEmpty)
        return world.model.observed.filter.content[.port(.port(world.attachment.bytes))]
    }

    private func ways(_ set: GuardSet, _ elements: Set<GuardElement>) -> Set<Way> {
        Set(Way.allCases.filter { way in elements.contains { $0.set == set && $0.element.value == way.value } })
    }

    @Test(arguments: [BuiltInPolicy.allowSegment, .allowAll])
    func `new flows are written down where they are limited, whoever may answer`(policy: BuiltInPolicy) throws {
        let counted = try elements(policy, AttachmentLimits(out: .init(newFlowsPerSecond: 20)))
        #expect(ways(.own, counted) == [.tracked] && ways(.fast, counted) == [.insideTracked])
        let limit = try #require(counted.first { $0.set == .flowRateOut }?.element.limit)
        #expect(limit.rate == 20)
        // And are not where nobody asked for it: packets go the short way.
        let free = try elements(policy, .none)
        #expect(ways(.own, free) == [policy == .allowAll ? .open : .tracked] && ways(.fast, free) == [.inside])
    }

    @Test func `no bandwidth is more than a kernel counts`() throws {
        let most = AttachmentLimits.bandwidths.upperBound
        let elements = try elements(
            .allowAll, AttachmentLimits(in: .init(bandwidth: most), out: .init(bandwidth: 147_000_000_000)))
        for set in [GuardSet.byteRateIn, .byteRateOut] {
            let limit = try #require(elements.first { $0.set == set }?.element.limit)
            // 18,446,744,073 bytes a second: what nft_limit_init of the kernel multiplies by a second's nanoseconds.
            #expect(limit.rate + UInt64(limit.burst) <= 18_446_744_073, "\(limit)")
            #expect(limit.rate > 18_000_000_000)
        }
    }
}
