import Addressing
import DaemonConfigs
import NFTables
import NetworkModel
import NetworkPlanning
import NodePortsTesting
import Resources
import Testing

@Suite struct ReportTests {
    @Test func `a wired attachment says on which interface, for which generation`() throws {
        var world = try World()
        let reports = world.reports()
        let port = InterfaceName.port(world.attachment.bytes)
        #expect(
            reports == [
                .host: Report(phase: .wired, generation: 3, interface: name("eth0")),
                .segment(world.segment): Report(phase: .wired, generation: 1),
                .attachment(world.attachment): Report(phase: .wired, generation: 5, interface: port),
            ])
        #expect(world.model.filter.ready == [port])
    }

    @Test func `a step that fails is told in the kernel's words, and what stands on it is not tried`() throws {
        var world = try World()
        let reports = world.reports {
            if case .link(.create(let link), _) = $0, case .vxlan = link.kind {
                "No buffer space (ENOMEM)"
            } else {
                nil
            }
        }
        #expect(reports[.segment(world.segment)]?.phase == .failed)
        #expect(reports[.segment(world.segment)]?.message == "No buffer space (ENOMEM)")
        #expect(reports[.attachment(world.attachment)]?.phase == .pending)
        #expect(
            reports[.attachment(world.attachment)]?.message
                == "waits for segment \(world.segment): No buffer space (ENOMEM)")
        #expect(world.model.filter.ready.isEmpty)
        #expect(world.reports()[.attachment(world.attachment)]?.phase == .wired)
    }

    @Test func `a port is not made ready when the packet filter could not be put up`() throws {
        var world = try World()
        let reports = world.reports { if case .filter(.install) = $0 { "syntax error" } else { nil } }
        #expect(reports[.attachment(world.attachment)]?.phase == .pending)
        #expect(reports[.host]?.message == "syntax error")
        #expect(world.model.filter.ready.isEmpty)
    }

    @Test func `a gateway tells of its daemon, and advertises itself as a router once it has a way out`() throws {
        var world = try World()
        world.add(.gateway(world.gateway))
        world.desired.gateways[world.gateway] = DesiredGateway(
            id: world.gateway, generation: 2, ports: [world.segment: world.attachment], resolvers: [])
        #expect(
            world.reports()[.gateway(world.gateway)]
                == Report(
                    phase: .wired, generation: 2,
                    details: [
                        "radvd": "running", "radvdRestarts": "0", "routerLifetime": "0",
                        "wayOut": "no: it has no uplink",
                    ]))
        let namespace = NamespaceName.gateway(world.gateway)
        let instance = DaemonInstance.radvd(of: world.gateway)
        #expect(world.model.daemons[instance]?.spec.configuration.contains("AdvDefaultLifetime 0;") == true)
        #expect(
            world.model[namespace]?.addresses[name("seg00012c")]?.contains(InterfaceAddress(.segmentRouter, length: 64))
                == true)
        world.model[namespace]?.hasDefaultRoute = true
        #expect(world.plan.steps.map(\.operation.description) == ["ensure daemon \(instance)"])
        #expect(world.reports()[.gateway(world.gateway)]?.details["routerLifetime"] == "1800")
        #expect(world.model.daemons[instance]?.spec.configuration.contains("AdvDefaultLifetime 1800;") == true)
        world.model.crash(instance: instance)
        #expect(world.reports()[.gateway(world.gateway)]?.phase == .pending)
        // Gone, it says goodbye before its port is shut.
        world.desired.gateways = [:]
        world.desired.attachments = [:]
        let words = world.plan.steps.map(\.operation.description)
        #expect(words.first == "stop daemon \(instance) with a last advertisement")
        _ = world.reports()
        #expect(world.model.farewells == [instance])
        #expect(world.model.namespaces.isEmpty)
        #expect(world.model[nil]?.devices.count == 2, "\(world.model)")
    }

    @Test func `only automatic segments are advertised`() throws {
        for ipam in IPAM.allCases {
            var world = try World(ipam: ipam)
            world.add(.gateway(world.gateway))
            world.desired.gateways[world.gateway] = DesiredGateway(
                id: world.gateway, generation: 2, ports: [world.segment: world.attachment], resolvers: [])
            _ = world.reports()
            #expect(world.model.daemons.isEmpty == (ipam != .automatic))
        }
    }

    @Test func `a plan prints itself for people and for programs`() throws {
        let world = try World(replication: .unicast)
        let plan = world.plan
        let lines = plan.description.split(separator: "\n").map(String.init)
        let structure = HostPlanner.structure(for: world.desired.underlay)
        #expect(lines.first?.hasPrefix("1  install filter \(structure.digest) with 0 ports and 1 VTEPs") == true)
        #expect(lines.count == 7 && lines[3].hasPrefix("4  add flood kcx00012c fd00::2  "), "\(plan)")
        #expect(lines.last?.hasSuffix("# attachment \(world.attachment)") == true)
        let json = String(decoding: plan.json, as: UTF8.self)
        #expect(json.hasPrefix(#"{"steps":[{"operation":"install filter"#))
        #expect(json.contains(#""subject":{"kind":"segment","id":"\#(world.segment)"}"#))
        #expect(HostPlan().description == "nothing to do")
    }
}
