import Addressing
import Diagnosis
import NetworkModel
import Resources

extension PathJudgeTests {
    /// What only agents that look closer can tell.
    static let closerFaults = [
        Case("an agent that hears nothing", .agents, "desired state", on: "h2") { world in
            world.to.host.answer = .none
            world.to.host.heard = .milliseconds(400)
            world.elapsed = .milliseconds(1600)
        },
        Case("an agent that was not heard of since", .agents, "agent", on: "h2") { world in
            world.to.host.answer = .none
            world.to.host.heard = .milliseconds(3400)
            world.elapsed = .milliseconds(1600)
        },
        Case("another machine has the address", .underlay, "neighbour fd0a::2", on: "h1") { world in
            world.tally(.to, .unicast, .largeUnicast, .flood) {
                $0.onWire = 0
                $0.delivered = 0
            }
            world.change(.from) { $0.underlay?.neighbourMAC = Healthy.mac(0x999) }
        },
        Case("a detour that drops", .underlay, "next hop fd0a::a", on: "h1") { world in
            for side in Side.allCases { world.tally(side, .echo, .largeEcho) { $0.onWire = 0 } }
            world.tally(.to, .unicast, .largeUnicast, .flood) { $0.onWire = 0 }
            world.change(.from) { $0.underlay?.nextHop = Healthy.address("fd0a::a") }
        },
        Case("a narrow detour", .mtu, "next hop fd0a::a", on: "h1") { world in
            for side in Side.allCases { world.tally(side, .largeEcho) { $0.onWire = 0 } }
            world.tally(.to, .largeUnicast) { $0.onWire = 0 }
            world.change(.from) { $0.underlay?.nextHop = Healthy.address("fd0a::a") }
        },
        Case("a narrow route", .mtu, "route", on: "h2") { $0.change(.to) { $0.underlay?.routeMTU = 1400 } },
        Case("a port that is disabled", .devices, "kctaaaaaaaaa1", on: "h1") { world in
            world.device(.from, .port) { $0.obstacles = [.blocked] }
        },
        Case("isolated ports", .devices, "kcx00012c", on: "h2") { world in
            world.device(.to, .vxlan) { $0.obstacles = [.isolated] }
            world.device(.to, .port) { $0.obstacles = [.isolated] }
        },
        Case("a filter behind the port", .guards, "kcb00012c", on: "h2") { world in
            world.tally(.from, .marked) { $0.delivered = 0 }
            world.change(.to) { $0.passage?.left = 0 }
            world.change(.from) { $0.passage?.entered = 0 }
        },
        Case("a filter before the port", .guards, "kcb00012c", on: "h1") { world in
            world.tally(.from, .marked) { $0.delivered = 0 }
        },
        Case("a filter at the tunnel", .guards, "kcx00012c", on: "h2") { world in
            world.tally(.from, .marked) { $0.delivered = 0 }
            world.change(.from) { $0.passage?.entered = 0 }
        },
        Case("a filter that nobody listened around", .guards, "port") { world in
            world.tally(.from, .marked) { $0.delivered = 0 }
            for side in Side.allCases { world.change(side) { $0.passage = nil } }
        },
        Case("solicitations stay on a host", .guards, "kcb00012c", on: "h2") { world in
            world.tally(.to, .solicitation) { $0.delivered = 0 }
        },
        Case("solicitations do not leave a host", .guards, "kcb00012c", on: "h1") { world in
            world.tally(.to, .solicitation) { $0.delivered = 0 }
            world.change(.from) { $0.passage?.solicitationsLeft = 0 }
            world.change(.to) { $0.passage?.solicitationsEntered = 0 }
        },
        Case("elements are missing", .guards, "own", on: "h1") { world in
            world.tally(.to, .marked) { $0.delivered = 0 }
            world.tally(.from, .marked) { $0.drops = ["unlearned-ip": 12] }
            world.change(.from) { $0.guards = GuardFinding(missing: ["own": ["own { a }"]]) }
        },
        Case("rules were changed", .guards, "table bridge kc", on: "h2") { world in
            world.tally(.to, .marked) { $0.delivered = 0 }
            world.change(.to) { $0.guards = GuardFinding(isChanged: true) }
        },
        Case("an element is missing that echoes do not need", .guards, "targets", on: "h2") { world in
            world.change(.to) { $0.guards = GuardFinding(missing: ["targets": ["targets a . b"]]) }
        },
        guest("a wrong neighbour") { $0.answersTo = Healthy.mac(0x77) },
    ]
}
