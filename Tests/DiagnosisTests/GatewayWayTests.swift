import Addressing
import Diagnosis
import NetworkModel
import Resources
import Testing

/// The verdict about ways through a gateway.
@Suite struct GatewayWayTests {
    static let target = Healthy.address("2001:db8:ffff::1")

    /// From `web` on h1 through gateway `edge`, whose port is on h2, to an address outside.
    static func world(isOutside: Bool = true) -> PathWorld {
        var world = Healthy.world()
        world.gateway = PathWorld.Gateway(
            name: "edge", namespace: .gateway(Healthy.id(9)), target: target, targetName: isOutside ? nil : "db",
            prefix: nil)
        world.change(.from) { findings in
            findings.tallies += [
                ProbeTally(.reach, sent: 6, delivered: 6), ProbeTally(.largeReach, sent: 6, delivered: 6),
            ]
        }
        world.change(.to) { findings in
            var inner = GatewayFinding.Hop(.gatewaySegment(Healthy.vni), exists: true, isRunning: true)
            (inner.requestsIn, inner.answersOut) = (12, 12)
            var outer = GatewayFinding.Hop(.up0, exists: true, isRunning: true)
            (outer.requestsOut, outer.answersIn) = (12, 12)
            findings.gateway = GatewayFinding(
                exists: true, isForwarding: true, hasRouterAddress: true, hasWayOut: true, inner: inner, outer: outer)
        }
        return world
    }

    struct Case: Sendable {
        var layer: PathLayer
        var component: String
        var change: @Sendable (inout PathWorld) -> Void

        init(_ layer: PathLayer, _ component: String, _ change: @escaping @Sendable (inout PathWorld) -> Void) {
            self.layer = layer
            self.component = component
            self.change = change
        }
    }

    static func found(
        _ layer: PathLayer, _ component: String, _ change: @escaping @Sendable (inout GatewayFinding) -> Void
    ) -> Case {
        Case(layer, component) { world in
            world.change(.to) {
                if var found = $0.gateway {
                    change(&found)
                    $0.gateway = found
                }
            }
        }
    }

    static func lost(_ component: String, _ change: @escaping @Sendable (inout GatewayFinding) -> Void) -> Case {
        Case(.beyond, component) { world in
            world.change(.to) {
                if var found = $0.gateway {
                    change(&found)
                    $0.gateway = found
                }
            }
            world.tally(.from, .reach, .largeReach) { $0.delivered = 0 }
        }
    }

    static let cases = [
        Case(.gateway, "edge") { $0.change(.to) { $0.gateway = nil } },
        found(.gateway, "namespace") { $0.exists = false },
        found(.gateway, "seg00012c") { $0.inner.isRunning = false },
        found(.gateway, "forwarding") { $0.isForwarding = false },
        found(.gateway, "fe80::1") { $0.hasRouterAddress = false },
        found(.gateway, "unbound") { $0.daemons = [.init(name: "unbound", problem: "it does not run")] },
        found(.beyond, "uplink") { $0.outer = nil },
        found(.beyond, "up0") { $0.outer?.isRunning = false },
        found(.beyond, "next hop") { $0.hasWayOut = false },
        lost("port") { $0.inner.requestsIn = 0 },
        lost("policy") {
            $0.outer?.requestsOut = 0
            $0.drops = ["policy": 12]
        },
        lost("route") { $0.outer?.requestsOut = 0 },
        lost("route back") { $0.outer?.answersIn = 0 },
        lost("route") { $0.inner.answersOut = 0 },
        lost("port") { _ in },
        Case(.beyond, "large packets") { $0.tally(.from, .largeReach) { $0.delivered = 0 } },
    ]

    @Test(arguments: cases.indices) func `a fault of a gateway is named with its layer and component`(
        _ index: Int
    ) throws {
        let one = Self.cases[index]
        var world = Self.world()
        one.change(&world)
        let verdict = try #require(PathJudge(world).verdict)
        let fault = try #require(verdict.fault, "\(one.component)")
        #expect(fault.layer == one.layer, "\(fault)")
        #expect(fault.component == one.component, "\(fault)")
        #expect(!fault.text.isEmpty && !fault.mend.isEmpty)
    }

    @Test(arguments: [true, false]) func `a healthy way through a gateway has no fault`(_ isOutside: Bool) throws {
        let verdict = try #require(PathJudge(Self.world(isOutside: isOutside)).verdict)
        #expect(verdict.fault == nil)
        #expect(verdict.layers.map(\.layer) == PathLayer.allCases)
        #expect(verdict.layers.allSatisfy { $0.state == .ok && !$0.evidence.isEmpty })
    }

    @Test func `between segments nobody needs a default route`() throws {
        var world = Self.world(isOutside: false)
        world.change(.to) { $0.gateway?.hasWayOut = false }
        #expect(try #require(PathJudge(world).verdict).fault == nil)
    }

    @Test func `each layer has an exit code of its own, and keeps it`() {
        #expect(Set(PathLayer.allCases.map(\.exitCode)).count == PathLayer.allCases.count)
        #expect(PathLayer.intent.exitCode == 20 && PathLayer.devices.exitCode == 24 && PathLayer.data.exitCode == 29)
        #expect(PathLayer.gateway.exitCode == 30 && PathLayer.beyond.exitCode == 31)
    }

    @Test func `what was found of a gateway survives its JSON`() throws {
        var finding = try #require(Self.world().to.host.findings?.gateway)
        finding.daemons = [.init(name: "radvd", problem: "it has ended")]
        finding.drops = ["policy": 3]
        let findings = PathFindings(revision: Revision(7), gateway: finding)
        #expect(try PathFindings(json: JSONParser.parse(findings.json), path: "") == findings)
        let task = PathTask(
            nonce: ProbeNonce(high: 1, low: 2), flow: .echo, segment: Healthy.id(3),
            from: PathEnd(host: Healthy.id(1), vtep: Healthy.vtep(1)),
            to: PathEnd(host: Healthy.id(2), vtep: Healthy.vtep(2)),
            gateway: PathGateway(id: Healthy.id(9), target: Self.target, next: nil))
        #expect(try PathTask(json: JSONParser.parse(task.json), path: "") == task)
    }
}
