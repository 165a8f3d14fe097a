import Addressing
import Diagnosis
import NetworkModel
import Resources
import SeededRandomness
import Testing

/// The verdict about a way, layer by layer.
@Suite struct PathJudgeTests {
    /// A fault: what it does to the world, and what must be named.
    struct Case: Sendable {
        var name: String
        var layer: PathLayer
        var component: String
        var host: String?
        var change: @Sendable (inout PathWorld) -> Void

        init(
            _ name: String, _ layer: PathLayer, _ component: String, on host: String? = nil,
            _ change: @escaping @Sendable (inout PathWorld) -> Void
        ) {
            self.name = name
            self.layer = layer
            self.component = component
            self.host = host
            self.change = change
        }
    }

    static func verdict(_ world: PathWorld) throws -> PathVerdict { try #require(PathJudge(world).verdict) }

    @Test func `a healthy way has no fault, and every layer is judged`() throws {
        let verdict = try Self.verdict(Healthy.world())
        #expect(verdict.fault == nil)
        #expect(verdict.layers.map(\.layer) == PathLayer.all(throughGateway: false, served: [.router, .names]))
        #expect(verdict.layers.allSatisfy { $0.state == .ok && !$0.evidence.isEmpty })
    }

    static let cases: [Case] = localFaults + wireFaults + guestFaults + serviceFaults + closerFaults

    static let localFaults = [
        Case("the agent is dead", .agents, "agent", on: "h2") { world in
            world.to.host.answer = .none
            world.elapsed = .milliseconds(1600)
        },
        Case("the agent stops half way", .agents, "agent", on: "h1") { world in
            world.from.host.answer = .measuring
            world.elapsed = PathWorld.patience
        },
        Case("the host is gone with its agent", .underlay, "h2", on: "h2") { world in
            world.to.host.answer = .none
            world.elapsed = .milliseconds(1600)
            world.tally(.from, .echo, .largeEcho) { $0.onWire = 0 }
            world.change(.from) { $0.underlay?.neighbour = .failed }
        },
        Case("no carrier", .underlay, "eth0", on: "h1") { $0.device(.from, .underlay) { $0.isRunning = false } },
        Case("no address", .underlay, "fd0a::2", on: "h2") { $0.change(.to) { $0.underlay?.hasAddress = false } },
        Case("no route", .underlay, "route", on: "h1") { $0.change(.from) { $0.underlay?.routeInterface = nil } },
        Case("another way out", .underlay, "route", on: "h1") { world in
            world.change(.from) { $0.underlay?.routeInterface = Healthy.interface("eth1") }
        },
        Case("a narrow interface", .mtu, "eth0", on: "h2") { $0.device(.to, .underlay) { $0.mtu = 1400 } },
        Case("the bridge is down", .devices, "kcb00012c", on: "h1") { $0.device(.from, .bridge) { $0.isUp = false } },
        Case("no VXLAN device", .devices, "kcx00012c", on: "h2") { $0.device(.to, .vxlan) { $0.exists = false } },
        Case("out of the bridge", .devices, "kcx00012c", on: "h2") { $0.device(.to, .vxlan) { $0.master = nil } },
        Case("the port's MTU", .devices, "kctaaaaaaaaa1", on: "h1") { world in
            world.device(.from, .port) { $0.mtu = 1300 }
            // It is the bridge's, then, too.
            world.device(.from, .bridge) { $0.mtu = 1300 }
        },
        Case("the bridge's MTU", .devices, "kcb00012c", on: "h2") { $0.device(.to, .bridge) { $0.mtu = 1300 } },
        Case("a stale entry", .devices, "entry of 02:6b:63:00:00:02", on: "h1") { world in
            world.change(.from) { findings in
                findings.entries = [
                    ForwardingFinding(
                        device: .vxlan(Healthy.vni), mac: Healthy.mac(2), destination: Healthy.vtep(9))
                ]
            }
        },
        Case("a MAC twice", .devices, "entry of 02:6b:63:00:00:01", on: "h1") { world in
            world.change(.from) { findings in
                findings.entries = [
                    ForwardingFinding(
                        device: Healthy.interface("kctbbbbbbbbbb"), mac: Healthy.mac(1), destination: nil)
                ]
            }
        },
        Case("the VNI", .vxlan, "kcx00012c", on: "h2") { world in
            world.device(.to, .vxlan) { $0.vxlan?.vni = (try? VNI(999)) ?? Healthy.vni }
        },
        Case("the port of VXLAN", .vxlan, "kcx00012c", on: "h1") { $0.device(.from, .vxlan) { $0.vxlan?.port = 8472 } },
        Case("the local address", .vxlan, "kcx00012c", on: "h1") { world in
            world.device(.from, .vxlan) { $0.vxlan?.local = Healthy.vtep(9) }
        },
        Case("made wrongly again and again", .vxlan, "kcx00012c", on: "h1") { world in
            world.device(.from, .vxlan) { $0.vxlan?.hopLimit = 1 }
            world.change(.from) {
                $0.devices.insert(DeviceFinding(name: .vxlan(Healthy.vni), role: .vxlan))
            }
        },
        Case("the group", .multicast, "kcx00012c", on: "h2") { world in
            world.device(.to, .vxlan) { $0.vxlan?.group = Healthy.address("ff15::77") }
        },
        Case("not joined", .multicast, "ff15::8b00:2c", on: "h1") { $0.change(.from) { $0.hasJoined = false } },
    ]

    static let wireFaults = [
        Case("nothing passes", .underlay, "underlay") { world in
            for side in Side.allCases {
                world.tally(side, .echo, .largeEcho, .unicast, .largeUnicast, .flood) { $0.onWire = 0 }
            }
        },
        Case("one way is cut", .underlay, "underlay") { world in
            for side in Side.allCases { world.tally(side, .echo, .largeEcho) { $0.onWire = 0 } }
            world.tally(.to, .unicast, .largeUnicast, .flood) { $0.onWire = 0 }
        },
        Case("half is lost", .underlay, "underlay") { $0.tally(.from, .echo) { $0.onWire = 5 } },
        Case("a narrow hop", .mtu, "underlay") { world in
            for side in Side.allCases { world.tally(side, .largeEcho, .largeUnicast) { $0.onWire = 0 } }
        },
        Case("UDP is filtered one way", .vxlan, "UDP 4789") { world in
            world.tally(.to, .unicast, .largeUnicast, .flood) {
                $0.onWire = 0
                $0.delivered = 0
            }
        },
        Case("UDP is filtered both ways", .vxlan, "UDP 4789") { world in
            for side in Side.allCases { world.tally(side, .unicast, .largeUnicast, .flood) { $0.onWire = 0 } }
        },
        Case("a firewall on the host", .vxlan, "UDP 4789", on: "h2") { world in
            world.tally(.to, .unicast, .largeUnicast, .flood) { $0.delivered = 0 }
        },
        Case("wrong checksums", .vxlan, "checksum", on: "h1") { world in
            world.tally(.to, .unicast) {
                $0.corrupt = 9
                $0.delivered = 0
            }
        },
        Case("the group is dropped", .multicast, "ff15::8b00:2c") { world in
            world.tally(.to, .flood) {
                $0.onWire = 0
                $0.delivered = 0
            }
        },
        Case("the group is dropped on the host", .multicast, "ff15::8b00:2c", on: "h1") { world in
            world.tally(.from, .flood) { $0.delivered = 0 }
        },
    ]

    static func guest(
        _ name: String, _ layer: PathLayer = .guest, _ change: @escaping @Sendable (inout GuestFinding) -> Void
    ) -> Case {
        Case(name, layer, "db", on: "h2") { world in
            world.change(.to) { for index in $0.guests.indices { change(&$0.guests[index]) } }
        }
    }

    static let guestFaults = [
        Case("a policy", .guards, "policy", on: "h2") { world in
            world.tally(.to, .marked) {
                $0.delivered = 0
                $0.drops = ["policy": 12]
            }
        },
        Case("a spoofed source", .guards, "spoofed-ip", on: "h1") { world in
            world.tally(.to, .marked) { $0.delivered = 0 }
            world.tally(.from, .marked) { $0.drops = ["spoofed-ip": 12, "rate": 1] }
        },
        Case("the guest is off", .guest, "db", on: "h2") { $0.device(.to, .port) { $0.isRunning = false } },
        guest("nobody answers") {
            $0.isPresent = false
            $0.isNeighbour = false
            $0.answersEcho = false
        },
        guest("the address is not there") {
            $0.isNeighbour = false
            $0.answersEcho = false
        },
        guest("neighbour discovery is dropped") { $0.isNeighbour = false },
        guest("the guest's firewall") { $0.answersEcho = false },
        guest("the address of the other") { $0.claimsOther = true },
        guest("another MAC") { $0.foreignMAC = Healthy.mac(1) },
        guest("an address that is not its own") {
            $0.chosenSource = Healthy.address("2001:db8:bad::6")
            $0.drops = ["spoofed-ip": 4]
        },
        guest("frames that are too large") { $0.refused = 4 },
        Case("the guards' table is gone", .guards, "table bridge kc", on: "h2") { world in
            world.tally(.from, .marked) { $0.delivered = 0 }
            world.change(.to) { $0.isGuarded = false }
        },
        Case("TCP checksums of devices", .data, "TCP checksum", on: "h2") { world in
            world.tally(.from, .segment) { $0.corrupt = 36 }
        },
        Case("TCP segments are lost", .data, "TCP segments", on: "h1") { $0.tally(.to, .segment) { $0.delivered = 3 } },
        Case("large frames", .data, "large frames", on: "h1") { $0.tally(.to, .largeMarked) { $0.delivered = 0 } },
    ]

    static func heard(_ routers: [RouterFinding], _ name: String, _ component: String) -> Case {
        Case(name, .router, component, on: "h2") { world in
            world.change(.to) { for index in $0.guests.indices { $0.guests[index].routers = routers } }
        }
    }

    static func answered(_ names: NamesFinding, _ name: String, _ component: String) -> Case {
        Case(name, .names, "\(component) 2001:db8:1::53", on: "h1") { world in
            world.change(.from) { for index in $0.guests.indices { $0.guests[index].names = names } }
        }
    }

    static let serviceFaults = [
        heard([], "no router", "router advertisements"),
        heard(
            [
                Healthy.router,
                RouterFinding(address: Healthy.address("fe80::bad"), mac: Healthy.mac(8), lifetime: 60, prefixes: []),
            ], "a second router", "router 02:6b:63:00:00:08"),
        heard(
            [RouterFinding(address: Healthy.address("fe80::1"), mac: Healthy.mac(9), lifetime: 0, prefixes: [])],
            "another prefix", "prefix 2001:db8:1::/64"),
        answered(NamesFinding(), "no resolver", "resolver"),
        answered(NamesFinding(own: 3, asked: 2), "SERVFAIL", "forwarders of"),
        answered(NamesFinding(own: 3), "no forwarder", "forwarders of"),
        Case("a clock an hour ahead", .agents, "clock", on: "h1") { world in
            world.change(.from) { $0.time = Timestamp(milliseconds: 1_000_400 + 3_600_000) }
        },
        Case("a clock behind", .agents, "clock", on: "h2") { world in
            world.change(.to) { $0.time = Timestamp(milliseconds: 1_000_000 - 61_000) }
        },
    ]

    @Test func `a clock that is less than a minute off, or that nobody told, is no fault`() throws {
        for time in [nil, Timestamp(milliseconds: 1_050_000), Timestamp(milliseconds: 960_000)] {
            var world = Healthy.world()
            world.change(.to) { $0.time = time }
            #expect(try Self.verdict(world).fault == nil)
        }
    }

    @Test func `what is unusual and passes is no fault`() throws {
        let harmless: [@Sendable (inout PathWorld) -> Void] = [
            // A router that both know, one way or both.
            { $0.change(.from) { $0.underlay?.nextHop = Healthy.address("fd0a::a") } },
            // A proxy answers for the other end.
            { $0.change(.from) { $0.underlay?.neighbourMAC = Healthy.mac(0x999) } },
            // One isolated port has nobody to be separated from.
            { $0.device(.from, .port) { $0.obstacles = [.isolated] } },
            // By way of the gateway.
            { world in
                world.routers = [Healthy.mac(9)]
                world.change(.from) { $0.guests[0].answersTo = Healthy.mac(9) }
            },
            // An agent of the version before.
            { world in
                world.change(.to) { findings in
                    findings.tallies.removeAll { $0.kind == .solicitation }
                    findings.passage = nil
                    findings.underlay?.ownMAC = nil
                }
            },
        ]
        for change in harmless {
            var world = Healthy.world()
            change(&world)
            let fault = try Self.verdict(world).fault
            #expect(fault == nil, "\(fault.map { "\($0)" } ?? "")")
        }
    }

    @Test func `who was heard a moment before the question is given time to be heard again`() throws {
        var world = Healthy.world()
        world.to.host.answer = .none
        world.to.host.heard = .milliseconds(2000)
        world.elapsed = .milliseconds(1600)
        #expect(PathJudge(world).verdict == nil)
        world.to.host.heard = .milliseconds(3400)
        world.elapsed = .milliseconds(3000)
        #expect(PathJudge(world).verdict?.fault?.component == "agent")
    }

    @Test func `TCP that policies stop is no fault when nobody asked about TCP`() throws {
        var world = Healthy.world()
        world.tally(.to, .segment) {
            $0.delivered = 0
            $0.drops = ["policy": 36]
        }
        #expect(try Self.verdict(world).fault == nil)
        world.flow = .tcp(443)
        #expect(try Self.verdict(world).fault?.component == "TCP segments")
    }

    @Test(arguments: cases.indices) func `a fault is named with its layer, its component and its host`(
        _ index: Int
    ) throws {
        let one = Self.cases[index]
        var world = Healthy.world()
        one.change(&world)
        let verdict = try Self.verdict(world)
        let fault = try #require(verdict.fault, "\(one.name)")
        #expect(fault.layer == one.layer, "\(one.name): \(fault)")
        #expect(fault.component == one.component, "\(one.name): \(fault)")
        #expect(fault.host == one.host, "\(one.name): \(fault)")
        #expect(!fault.text.isEmpty && !fault.mend.isEmpty)
        Self.expectOrder(verdict, one.name)
    }

    /// Exactly one layer fails, none before it, and nothing is claimed of those behind.
    static func expectOrder(_ verdict: PathVerdict, _ name: String) {
        let states = verdict.layers.map(\.state)
        #expect(
            verdict.layers.map(\.layer) == PathLayer.all(throughGateway: false, served: [.router, .names]), "\(name)")
        guard let place = states.firstIndex(of: .fail) else {
            #expect(verdict.fault == nil, "\(name)")
            return
        }
        #expect(verdict.fault?.layer == verdict.layers[place].layer, "\(name)")
        #expect(states[(place + 1)...].allSatisfy { $0 == .skip }, "\(name): \(states)")
        #expect(!states[..<place].contains(.fail), "\(name)")
    }

    @Test func `of several faults the one of the first layer is named`() throws {
        let seed = UInt64.random(in: 0...(.max))
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let chosen = Self.cases.shuffled(using: &random).prefix(Int.random(in: 2...4, using: &random))
            var world = Healthy.world()
            for one in chosen { one.change(&world) }
            world.elapsed = max(world.elapsed, PathWorld.patience)
            let verdict = try Self.verdict(world)
            let name = chosen.map(\.name).joined(separator: ", ")
            Self.expectOrder(verdict, name)
            let fault = try #require(verdict.fault, "\(name)")
            let order = PathLayer.allCases
            let first = chosen.compactMap { order.firstIndex(of: $0.layer) }.min() ?? 0
            let found = try #require(order.firstIndex(of: fault.layer))
            // A silent agent hides what its host would have said; a tunnel that somebody made wrongly is no fault of
            // the layer that it is also wrong in.
            let isHidden = chosen.contains { one in
                one.layer == .agents
                    || [
                        "the host is gone with its agent", "out of the bridge", "the guest is off",
                        "the guards' table is gone",
                    ]
                    .contains(one.name)
                    // A guest that no router can find hears of none.
                    || one.name == "no router" && fault.layer == .guest
                    // The MAC of a router says nothing of the other end's.
                    || one.name == "another machine has the address" && chosen.contains { $0.name.contains("detour") }
            }
            #expect(
                found <= first || isHidden || fault.component == "kcx00012c",
                "\(name): \(fault.layer)")
        }
    }

    @Test func `what guests do that is no fault is none`() throws {
        var world = Healthy.world()
        world.change(.to) { findings in
            // A privacy address (RFC 8981) that its guard passes, and a frame for a group that bridges do not forward.
            findings.guests[0].chosenSource = Healthy.address("fd00::1234")
            findings.guests[0].refused = 1
            findings.guests[0].drops = ["ethertype": 3]
        }
        #expect(try Self.verdict(world).fault == nil)
    }

    @Test func `frames that were sent before anybody listened are not missing`() throws {
        var world = Healthy.world()
        world.tally(.from, .marked, .largeMarked) { $0.sent = 18 }
        world.tally(.from, .unicast, .largeUnicast, .flood) { $0.sent = 30 }
        world.tally(.to, .marked, .largeMarked) { $0.expected = 6 }
        #expect(try Self.verdict(world).fault == nil)
        world.tally(.to, .marked) { $0.delivered = 2 }
        #expect(try Self.verdict(world).fault?.layer == .guards)
    }

    @Test func `while agents may still answer nothing is said`() {
        var world = Healthy.world(elapsed: .milliseconds(900))
        world.to.host.answer = .measuring
        #expect(PathJudge(world).verdict == nil)
        world.to.host.answer = .none
        #expect(PathJudge(world).verdict == nil)
        world.elapsed = .milliseconds(1600)
        #expect(PathJudge(world).verdict?.fault?.layer == .agents)
    }

    @Test func `both ends on one host skip what lies between hosts`() throws {
        var world = Healthy.world()
        world.change(.from) { $0.guests[0].answersTo = Healthy.mac(3) }
        world.to.host = world.from.host
        world.to.guest?.mac = Healthy.mac(3)
        let verdict = try Self.verdict(world)
        #expect(verdict.fault == nil)
        #expect(verdict.layers.filter { $0.state == .skip }.map(\.layer) == [.underlay, .mtu, .vxlan, .multicast])
    }

    @Test func `a verdict survives its JSON`() throws {
        var world = Healthy.world()
        world.device(.to, .vxlan) { $0.exists = false }
        for verdict in [try Self.verdict(world), try Self.verdict(Healthy.world())] {
            #expect(try PathVerdict(json: JSONParser.parse(verdict.json), path: "") == verdict)
        }
    }

    @Test func `findings survive their JSON`() throws {
        let findings = Healthy.findings(1)
        #expect(try PathFindings(json: JSONParser.parse(findings.json), path: "") == findings)
    }
}
