import Addressing
import NFTables
import NetworkModel
import NetworkNode
import NetworkPlanning
import NodePorts
import NodePortsTesting
import Resources
import Testing
import Waiting

@Suite struct DriftTests {
    let host = Fixture.machine()
    let folder: Folder
    let segment = Fixture.segment(1, ipam: .automatic, peers: [Fixture.address("fd00:a::2")])
    let tap = Fixture.attachment(1)
    let port = Fixture.attachment(2, port: .gateway(Fixture.id(3, 1)))

    init() throws { folder = try Folder() }

    var desired: HostUpdate {
        Fixture.reset(
            1, segments: [segment], attachments: [tap, port], gateways: [Fixture.gateway(1, port: port)])
    }

    /// Does something behind the agent's back and waits until the host is as it was.
    func repaired(_ what: String, _ damage: @escaping @Sendable (inout HostModel) -> Void) async throws {
        let api = StandInAPI(desired)
        // Only events may find it: no full comparison happens.
        var settings = AgentSettings.quick
        settings.fullComparison = .seconds(60)
        let host = host
        let folder = folder
        let gateway = Fixture.id(3, 1)
        try await withAgent(host, api, in: folder, settings: settings) {
            try await eventually("wired", { host.dump }) {
                api.report(Gateway.kind, gateway)?.phase == .wired && host.model.filter.ready.count == 2
            }
            let before = host.dump
            host.change(damage)
            #expect(host.dump != before, "\(what) is no damage")
            try await eventually(what, { "was:\n\(before)\nis:\n\(host.dump)" }) { host.dump == before }
            try await eventually("counted") { try folder.status("driftRepairs").flatMap(Int.init) ?? 0 > 0 }
        }
    }

    @Test func `a deleted port comes back`() async throws {
        let name = tap.portName
        try await repaired("port") { $0.removeDevice(name, in: nil) }
    }

    @Test func `a deleted bridge comes back with its ports`() async throws {
        let name = InterfaceName.bridge(segment.vni)
        try await repaired("bridge") { $0.removeDevice(name, in: nil) }
    }

    @Test func `a deleted VXLAN device comes back with its flood entries`() async throws {
        let name = InterfaceName.vxlan(segment.vni)
        try await repaired("VXLAN") { $0.removeDevice(name, in: nil) }
    }

    @Test func `a changed MTU is set back`() async throws {
        let name = tap.portName
        try await repaired("MTU") { $0[nil]?.devices[name]?.settings.mtu = 1300 }
    }

    @Test func `a flood entry that somebody added goes, one that was taken away comes back`() async throws {
        let name = InterfaceName.vxlan(segment.vni)
        try await repaired("flood") { $0[nil]?.floods[name] = [Fixture.address("fd00:a::9")] }
    }

    @Test func `our tables come back whole`() async throws {
        try await repaired("tables") { $0.filter = ObservedFilter() }
    }

    @Test func `a port that was taken out of the set of ready ones is let through again`() async throws {
        let name = tap.portName
        try await repaired("ready") { $0.filter.content[.port(name)] = [] }
    }

    @Test func `a port nobody admitted is taken out of the set of ready ones`() async throws {
        try await repaired("ready") { $0.filter.content.add([.ready(Fixture.interface("eth7"))]) }
    }

    @Test func `a daemon that its supervisor lost is started again`() async throws {
        let instance = DaemonInstance.radvd(of: Fixture.id(3, 1))
        try await repaired("daemon") { $0.stop(instance: instance, withdraw: false) }
    }

    @Test func `a gateway's namespace that somebody deleted comes back`() async throws {
        try await repaired("namespace") { $0.deleteNamespace(.gateway(Fixture.id(3, 1))) }
    }

    @Test func `what a gateway is told because an address was learned elsewhere is no repair`() async throws {
        let api = StandInAPI(desired)
        let (host, folder, segment) = (host, folder, segment.id)
        let learned = Fixture.address("fd00:b:0:1::77")
        try await withAgent(host, api, in: folder) {
            try await eventually("wired", { host.dump }) {
                api.report(Gateway.kind, Fixture.id(3, 1))?.phase == .wired && host.model.filter.ready.count == 2
            }
            let repairs = try folder.status("driftRepairs")
            let binding = Binding(
                address: learned, attachment: Fixture.id(2, 99), host: Fixture.id(4, 2), origin: .learned,
                since: Revision(2))
            api.push(HostUpdate(revision: Revision(2), bindings: [BindingChange(segment: segment, put: [binding])]))
            try await eventually("known", { host.dump }) {
                host.model.firewalls.values.contains { $0.known.contains(learned) }
            }
            try await eventually("counted") { try folder.status("revision") == "2" }
            #expect(try folder.status("driftRepairs") == repairs)
        }
    }

    @Test func `a paused host is looked at and left as it is, until it goes on`() async throws {
        let api = StandInAPI(desired)
        let (host, name) = (host, tap.portName)
        try await withAgent(host, api, in: folder) {
            try await eventually("wired", { host.dump }) { host.model.filter.ready.count == 2 }
            let before = host.dump
            let paused = Fixture.host.paused
            api.push(HostUpdate(revision: Revision(2), host: paused))
            try await eventually("paused") { api.report(Host.kind, paused.id)?.message == "paused" }
            host.change { $0.removeDevice(name, in: nil) }
            try await eventually("told", { api.report(Host.kind, paused.id)?.message ?? "" }) {
                api.report(Host.kind, paused.id)?.message?.hasSuffix("changes wait") == true
            }
            // Full comparisons come and go.
            let leases = api.leases
            try await eventually("compared") { api.leases > leases + 40 }
            #expect(host.model[nil]?.devices[name] == nil)
            api.push(HostUpdate(revision: Revision(3), host: Fixture.host))
            try await eventually("as it was", { "was:\n\(before)\nis:\n\(host.dump)" }) { host.dump == before }
            try await eventually("well again") { api.report(Host.kind, paused.id)?.message == nil }
        }
    }

    @Test func `what is not ours stays as it is`() async throws {
        let api = StandInAPI(desired)
        let (host, foreign) = (host, Fixture.interface("kcb009999"))
        host.change { $0.set(foreign, Fixture.device(alias: "somebody's")) }
        try await withAgent(host, api, in: folder) {
            try await eventually("wired", { host.dump }) { host.model.filter.ready.count == 2 }
            try await eventually("compared") { api.leases > 40 }
            #expect(host.model[nil]?.devices[foreign]?.settings.alias == "somebody's")
        }
    }

    @Test func `an event that comes with the agent's own work is looked at when its time is over`() async throws {
        let api = StandInAPI(Fixture.reset(1))
        var settings = AgentSettings.quick
        settings.fullComparison = .seconds(60)
        settings.echo = .milliseconds(100)
        let (host, tap, segment) = (host, tap, segment)
        try await withAgent(host, api, in: folder, settings: settings) {
            try await eventually("connected") { api.connections == 1 }
            api.push(Fixture.change(2, segments: [segment], attachments: [tap]))
            // In the very moment in which the agent has made it, within the window of the echo.
            try await eventually("made") { host.model.filter.ready.contains(tap.portName) }
            host.change { $0.removeDevice(tap.portName, in: nil) }
            try await eventually("back", { host.dump }) { host.model[nil]?.devices[tap.portName] != nil }
        }
    }
}

extension HostIdentity {
    fileprivate var paused: HostIdentity {
        var host = self
        host.isPaused = true
        return host
    }
}
