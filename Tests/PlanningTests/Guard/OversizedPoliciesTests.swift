import Addressing
import NetworkModel
import NodePortsTesting
import Resources
import SeededRandomness
import Testing

@testable import NetworkPlanning

/// Policies that no host can build: counted without being built, and their ports closed.
@Suite struct OversizedPoliciesTests {
    private static let policy = Scenario.id(kind: 5, 1)
    private static let crowd = Scenario.id(kind: 5, 2)
    private static let other = Scenario.id(kind: 2, 2)

    /// Everything from 256 prefixes beside rules that cut the ports into thousands.
    private static func rules(_ count: Int) throws -> [PolicyRule] {
        let peers: [PolicyPeer] = (0..<256).map { (number: UInt64) -> PolicyPeer in
            let address = IPv6Address(high: 0x2001_0db8_0000_0000 | number << 16, low: 0)
            return .prefix(IPv6Prefix(containing: address, length: 48))
        }
        var cutting: [PolicyRule] = []
        for rule in 0..<count {
            let ports = try (0..<64).map { (number: Int) throws -> PortRange in
                let port = UInt16(2 * (64 * rule + number) + 1)
                return try #require(PortRange(port, port))
            }
            cutting.append(PolicyRule(.tcp, ports: ports))
        }
        return [PolicyRule(.tcp, peers: peers)] + cutting
    }

    private func world() throws -> World {
        var world = try World()
        world.add(.tap, as: Self.other)
        world.desired.attachments[Self.other]?.mac = MACAddress(0x026b_6300_0002)
        world.desired.attachments[world.attachment]?.policies = [.policy(Self.policy)]
        return world
    }

    private func set(_ rules: [PolicyRule], in world: inout World) {
        world.desired.policies[Self.policy] = DesiredPolicy(id: Self.policy, generation: 1, ingress: rules)
    }

    @Test func `what would be millions of boxes is counted, and its port alone is closed`() throws {
        var world = try world()
        set(try Self.rules(252), in: &world)
        let ports = [world.attachment, Self.other].map { InterfaceName.port($0.bytes) }
        let reports = world.reports()
        let report = try #require(reports[.attachment(world.attachment)])
        #expect(report.phase == .failed)
        #expect(
            report.message?.contains("8273920 pieces") == true && report.message?.contains("16384") == true, "\(report)"
        )
        #expect(reports[.attachment(Self.other)]?.phase == .wired)
        #expect(world.model.observed.filter.ready == [ports[1]])
        // Open as soon as it is small enough, and closed when it grows.
        set(try Self.rules(0), in: &world)
        #expect(world.reports()[.attachment(world.attachment)]?.phase == .wired)
        #expect(world.model.observed.filter.ready == Set(ports))
        set(try Self.rules(252), in: &world)
        #expect(world.reports()[.attachment(world.attachment)]?.phase == .failed)
        #expect(world.model.observed.filter.ready == [ports[1]])
        #expect(world.model.observed.filter.content.profiles.isEmpty)
        #expect(HostPlanner.filterContent(for: world.desired).profiles.isEmpty)
    }

    @Test func `members that come close a port, and members that go open it`() throws {
        var world = try world()
        let rules = [PolicyRule(.tcp, peers: [.members(.id(Self.crowd))]), PolicyRule(.udp)]
        set(rules, in: &world)
        #expect(world.reports()[.attachment(world.attachment)]?.phase == .wired)
        var state = PlanningState(desired: world.desired, observed: world.model.observed)
        func members(_ count: UInt64) throws -> PlanScope {
            let addresses = Set((0..<count).map { IPv6Address(high: 0x2001_0db8 << 32, low: 2 * $0) })
            return try state.merge(
                HostUpdate(revision: Revision(8), members: [PolicyMembers(policy: Self.crowd, addresses: addresses)]))
        }
        var scope = try members(16_383)
        #expect(!scope.attachments.contains(world.attachment))
        #expect(state.plan(scope).refusals.isEmpty)
        scope = try members(16_384)
        #expect(scope.attachments == [world.attachment])
        #expect(state.plan(scope).refusals.map(\.subject) == [.attachment(world.attachment)])
        #expect(state.plan(scope) == HostPlanner.plan(desired: state.desired, observed: state.observed, scope: scope))
        scope = try members(7)
        #expect(scope.attachments == [world.attachment])
        #expect(state.plan(scope).refusals.isEmpty)
    }

    @Test func `a piece is at most two boxes`() throws {
        var random = SeededGenerator(printedFor: "pieces of policies")
        let world = try World()
        var (pieces, boxes) = (0, 0)
        for _ in 0..<300 {
            let rules = try (0..<Int.random(in: 0...8, using: &random)).map { _ in try Self.rule(&random) }
            let size = PolicySize(rules) { _ in 0 }
            var numbers = PolicyNumbers(profile: 1)
            let count = numbers.boxes(rules, in: world.desired).count
            #expect(count <= 2 * size.pieces, "\(rules)")
            pieces += size.pieces
            boxes += count
        }
        print("\(pieces) pieces, \(boxes) boxes")
        #expect(boxes > 1000)
    }

    private static func rule(_ random: inout SeededGenerator) throws -> PolicyRule {
        let peers = (0..<Int.random(in: 1...4, using: &random)).map { _ in
            PolicyPeer.prefix(
                IPv6Prefix(
                    containing: IPv6Address(high: 0x2001_0db8 << 32, low: UInt64.random(in: 0...255, using: &random)),
                    length: Int.random(in: 118...128, using: &random)))
        }
        let first = UInt16.random(in: 1...90, using: &random)
        let last = UInt16.random(in: first...100, using: &random)
        let ports = random.chance(70) ? [try #require(PortRange(first, last))] : []
        return PolicyRule(
            ports.isEmpty && random.chance(50) ? .any : .tcp, ports: ports, peers: random.chance(80) ? peers : nil,
            log: random.chance(30), rate: random.chance(30) ? 5 : nil)
    }
}
