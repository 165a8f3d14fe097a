package import Addressing
import FoundationEssentials
import NetworkModel
package import Persistence
import Resources

extension NetworkService {
    /// Makes, once in the life of a store, what everything else needs: project and underlay `default`, and the pools
    /// `vni`, `mac` and `ula` (a random unique local /48, RFC 4193 section 3.2.2).
    ///
    /// One transaction on condition that nobody did it before, so any number of servers may call it at once.
    package func prepareFirstStart(
        underlayMTU: MTU, random: UInt64 = UInt64.random(in: .min ... .max)
    ) async throws(StoreError) {
        guard try await store.get(StoreLayout.initialized).entry == nil else { return }
        var plan = WritePlan(
            WritePlan.Subject(id: .random(), projectID: nil, name: .standard),
            makeID: ResourceID.random, now: settings.now(), principal: .administrator(via: "first-start"),
            historyLength: settings.historyLength)
        plan.claim(StoreLayout.initialized, for: plan.id)
        func metadata(_ name: Name) -> Metadata {
            Metadata(id: .random(), name: name, project: nil, created: plan.now, updated: plan.now)
        }
        let nothing = Nothing()
        plan.insert(
            .project(Resource(metadata: metadata(.standard), spec: Project.Spec(), assigned: nothing)), projectID: nil)
        plan.insert(
            .underlay(Resource(metadata: metadata(.standard), spec: .init(mtu: underlayMTU), assigned: nothing)),
            projectID: nil)
        // 40 random bits after fd, then a subnet number of zero.
        let local = IPv6Prefix(
            containing: IPv6Address(high: 0xfd << 56 | (random & 0xff_ffff_ffff) << 16, low: 0), length: 48)
        var pools: [(Name, Pool.Spec)] = [
            (.constant("mac"), .mac(.standard)), (.constant("ula"), .prefix(local)),
        ]
        // The lowest 4095 are left to people: they look like VLAN ids and are often used so.
        if let from = try? VNI(4096), let to = try? VNI(1_048_575) {  // both are constants inside VNI.range
            pools.append((.constant("vni"), .vni(from: from, to: to)))
        }
        for (name, spec) in pools {
            plan.insert(.pool(Resource(metadata: metadata(name), spec: spec, assigned: nothing)), projectID: nil)
        }
        // A failed condition means that another server did it first.
        _ = try await store.commit(plan.transaction)
    }
}
