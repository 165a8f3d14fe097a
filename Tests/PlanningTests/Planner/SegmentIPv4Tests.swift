import Addressing
import DaemonConfigs
import NFTables
import NetworkModel
import NetworkPlanning
import NodePortsTesting
import Resources
import Testing

/// IPv4 inside a segment, on the host of its gateway.
@Suite struct SegmentIPv4Tests {
    private func world() throws -> World {
        var (world, _) = try GatewayTests().routed()
        let prefix = try IPv4Prefix(parsing: "10.7.0.0/24")
        world.desired.segments[world.segment]?.ipv4 = SegmentIPv4(prefix: prefix)
        let kept = Reservation(
            attachment: Scenario.id(kind: 2, 9), mac: MACAddress(0x026b_6300_0009), addresses: [],
            ipv4: IPv4Address(0x0a07_0009))
        world.desired.reservations[world.segment] = [kept.attachment: kept]
        return world
    }

    @Test func `the router has the first address, its server the reservations, and both go with the segment's IPv4`()
        throws
    {
        var world = try world()
        let instance = DaemonInstance.keaDHCP4(of: world.gateway)
        #expect(world.model.apply(world.plan.steps).isEmpty)
        #expect(world.plan.isEmpty, "\(world.plan)")
        let inside = try #require(world.model.observed.inside[.gateway(world.gateway)])
        let router = InterfaceAddress(IPv4Address(0x0a07_0001).mapped, length: 120)
        let holders = inside.addresses.filter { $0.value.contains(router) }.map(\.key)
        #expect(holders == [.gatewaySegment(try VNI(World.vni))])
        let text = try #require(world.model.observed.daemons[instance]?.configuration)
        #expect(text.contains("\"subnet\": \"10.7.0.0/24\""))
        #expect(text.contains("{ \"hw-address\": \"02:6b:63:00:00:09\", \"ip-address\": \"10.7.0.9\" }"))
        #expect(world.model.observed.daemons[DaemonInstance.keaDHCP6(of: world.gateway)] == nil)

        world.desired.segments[world.segment]?.ipv4 = nil
        #expect(world.model.apply(world.plan.steps).isEmpty)
        #expect(world.model.observed.daemons[instance] == nil)
        #expect(
            world.model.observed.inside[.gateway(world.gateway)]?.addresses.values.contains { $0.contains(router) }
                == false)
        #expect(world.plan.isEmpty, "\(world.plan)")
    }

    @Test func `a guest's port has five elements more, and no rule`() throws {
        var world = try World()
        world.add(.tap)
        let before = world.plan
        world.desired.segments[world.segment]?.ipv4 = SegmentIPv4(prefix: try IPv4Prefix(parsing: "10.7.0.0/24"))
        world.desired.attachments[world.attachment]?.ipv4 = IPv4Address(0x0a07_0009)
        let after = world.plan
        func elements(_ plan: HostPlan) -> [GuardElement] {
            plan.steps.flatMap { step in
                switch step.operation {
                case .filter(.install(_, let content)): content.elements.filter { $0.set != .ready }
                case .filter(.change(_, _, let added)): added
                default: [GuardElement]()
                }
            }
        }
        let added = Set(elements(after)).subtracting(elements(before))
        #expect(
            added.map(\.set).sorted { $0.rawValue < $1.rawValue }
                == [.ports, .ports, .ownIPv4, .targetsIPv4, .admittedIPv4])
    }
}
