import Addressing
import Glibc
import HostState
import NetworkModel
import NetworkNode
import NetworkPlanning
import NodePortsTesting
import Resources
import Testing
import Waiting

@Suite struct RestartTests {
    let host = Fixture.machine()
    let folder: Folder
    let desired: HostUpdate

    init() throws {
        folder = try Folder()
        let port = Fixture.attachment(3, port: .gateway(Fixture.id(3, 1)))
        var desired = Fixture.reset(
            7, segments: [Fixture.segment(1, ipam: .automatic), Fixture.segment(2)],
            attachments: [Fixture.attachment(1), Fixture.attachment(2, on: 2), port],
            gateways: [Fixture.gateway(1, port: port)])
        // A guest of another host, which the gateway's firewall knows.
        let elsewhere = Binding(
            address: Fixture.address("fd00:b:0:1::77"), attachment: Fixture.id(2, 99), host: Fixture.id(9, 2),
            origin: .learned, since: Revision(6))
        desired.bindings = [BindingChange(segment: Fixture.segment(1).id, reset: true, put: [elsewhere])]
        self.desired = desired
    }

    /// Runs a first agent until all is there and kept on disk.
    func settle() async throws {
        let api = StandInAPI(desired)
        let (host, folder) = (host, folder)
        try await withAgent(host, api, in: folder) {
            try await eventually("wired", { host.dump }) { host.model.filter.ready.count == 3 }
            try await eventually("gateway") { api.report(Gateway.kind, Fixture.id(3, 1))?.phase == .wired }
        }
        _ = host.takeApplied()
    }

    @Test func `the next agent finds everything in sync and does nothing`() async throws {
        try await settle()
        let before = host.dump
        let (host, folder) = (host, folder)
        let api = StandInAPI(desired)
        try await withAgent(host, api, in: folder) {
            try await eventually("in sync") { try folder.status("inSync") == "true" }
            try await eventually("reported") { api.report(Gateway.kind, Fixture.id(3, 1))?.phase == .wired }
            try await eventually("compared again") { api.leases > 40 }
            #expect(try folder.status("operations") == "0")
        }
        #expect(host.takeApplied() == [])
        #expect(host.dump == before)
    }

    @Test func `without an API the last snapshot is what holds`() async throws {
        try await settle()
        let (host, folder) = (host, folder)
        let before = host.dump
        let api = StandInAPI(desired)
        api.goAway()
        try await withAgent(host, api, in: folder) {
            try await eventually("in sync") { try folder.status("inSync") == "true" }
            #expect(host.takeApplied() == [])
            host.change { $0.removeDevice(Fixture.attachment(1).portName, in: nil) }
            try await eventually("repaired", { host.dump }) { host.dump == before }
            #expect(api.received == 0)
            api.comeBack()
            try await eventually("reported") { api.report(Attachment.kind, Fixture.attachment(1).id)?.phase == .wired }
        }
    }

    @Test func `a snapshot that is behind takes nothing away, and the API's first word decides`() async throws {
        try await settle()
        let (host, folder) = (host, folder)
        let late = Fixture.attachment(2, on: 2)
        // As a killed agent leaves it: what it made last is not on its disk yet.
        var behind = desired
        behind.revision = Revision(5)
        behind.vteps = []
        behind.bindings = []
        behind.segments.removeAll { $0.id == late.segment }
        behind.attachments.removeAll { $0.id == late.id }
        try folder.files.state.snapshot.save(HostSnapshot(behind))
        let before = host.dump
        #expect(before.contains("known fd00:b:0:1::77"))
        let api = StandInAPI(desired)
        api.goAway()
        try await withAgent(host, api, in: folder) {
            try await eventually("in sync") { try folder.status("inSync") == "true" }
            #expect(host.takeApplied() == [])
            #expect(host.dump == before)
            api.comeBack()
            try await eventually("reported") { api.report(Attachment.kind, late.id)?.phase == .wired }
            #expect(host.takeApplied() == [])
            #expect(host.dump == before)
        }
        // The same file, and an API that does not want it either: then it goes.
        try folder.files.state.snapshot.save(HostSnapshot(behind))
        try await withAgent(host, StandInAPI(behind), in: folder) {
            try await eventually("gone", { host.dump }) { host.model[nil]?.devices[late.portName] == nil }
        }
    }

    @Test func `a snapshot that cannot be written is tried again until it is, and the status says so meanwhile`()
        async throws
    {
        try await settle()
        let (host, folder) = (host, folder)
        let api = StandInAPI(desired)
        let file = folder.files.state.snapshot.path
        var more = desired
        more.revision = Revision(9)
        more.attachments.append(Fixture.attachment(4))
        try await withAgent(host, api, in: folder) { [more] in
            try await eventually("reported") { api.report(Gateway.kind, Fixture.id(3, 1))?.phase == .wired }
            // No file can take the place of a folder that has something in it.
            try #require(unlink(file) == 0 && mkdir(file, 0o700) == 0 && mkdir(file + "/x", 0o700) == 0)
            api.push(more)
            try await eventually("said") { try folder.status("snapshotFailure") != nil }
            try await eventually("wired all the same") {
                api.report(Attachment.kind, Fixture.attachment(4).id)?.phase == .wired
            }
            try #require(rmdir(file + "/x") == 0 && rmdir(file) == 0)
            try await eventually("kept") {
                guard case .snapshot(let kept) = try folder.files.state.snapshot.load() else { return false }
                return kept.attachments.count == more.attachments.count
            }
            try await eventually("well again") { try folder.status("snapshotFailure") == nil }
        }
    }

    @Test func `what was deleted while the agent was down goes when it is back`() async throws {
        try await settle()
        let (host, folder) = (host, folder)
        let gone = Fixture.attachment(2, on: 2)
        var less = desired
        less.revision = Revision(9)
        less.segments.removeAll { $0.id == gone.segment }
        less.attachments.removeAll { $0.id == gone.id }
        let api = StandInAPI(less)
        try await withAgent(host, api, in: folder) {
            try await eventually("gone", { host.dump }) {
                host.model[nil]?.devices[gone.portName] == nil
                    && host.model[nil]?.devices.keys.contains { $0.text.hasSuffix("001002") } == false
            }
            #expect(host.model.filter.ready.count == 2)
            try await eventually("said") { api.hasSaidGone(Attachment.kind, gone.id) }
        }
    }

    @Test func `an API that speaks of another host is refused, and nothing is changed or told to it`() async throws {
        try await settle()
        let (host, folder) = (host, folder)
        let before = host.dump
        var stranger = Fixture.host
        stranger.id = Fixture.id(9, 2)
        let api = StandInAPI(Fixture.reset(100, host: stranger))
        try await withAgent(host, api, in: folder) {
            try await eventually("refused") { try folder.status("api")?.contains("another cluster") == true }
            api.push(Fixture.change(101, removedAttachments: [Fixture.attachment(1).id]))
            api.hangUp()
            try await eventually("again") { api.connections == 2 }
            #expect(api.received == 0)
            #expect(api.leases == 0)
        }
        #expect(host.dump == before)
        #expect(host.takeApplied() == [])
    }

    @Test(arguments: [
        "", "{", #"{"format":1}"#, #"{"format":2,"snapshot":{}}"#,
        #"{"format":1,"snapshot":{"revision":1,"reset":false}}"#,
    ])
    func `a snapshot that cannot be used is set aside, and nothing is touched without the API`(_ text: String)
        async throws
    {
        try await settle()
        let (host, folder) = (host, folder)
        let before = host.dump
        try AtomicFile.write(Array(text.utf8), to: folder.path + "/snapshot.json", mode: 0o600)
        host.change { $0.removeDevice(Fixture.attachment(1).portName, in: nil) }
        let damaged = host.dump
        let api = StandInAPI(desired)
        api.goAway()
        try await withAgent(host, api, in: folder) {
            try await eventually("set aside") {
                try AtomicFile.read(folder.path + "/snapshot.json.damaged", limit: 1 << 20) == Array(text.utf8)
            }
            try await eventually("written") { try folder.status("phase") != nil }
            #expect(host.dump == damaged)
            api.comeBack()
            try await eventually("repaired by what the API says", { host.dump }) { host.dump == before }
        }
    }

    @Test func `the snapshot on disk is what was desired last, for root's eyes alone`() async throws {
        try await settle()
        #expect(try folder.files.state.snapshot.peek()?.asUpdate == HostSnapshot(desired).asUpdate)
        var status = stat()
        #expect(stat(folder.path + "/snapshot.json", &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
    }

    @Test func `removal takes everything of KC and nothing else, and the agent makes it again`() async throws {
        try await settle()
        let foreign = Fixture.interface("tap0")
        host.change { $0.set(foreign, Fixture.device(alias: "somebody's")) }
        let ports = HostPorts(
            links: host.links, filter: host.filter, namespaces: host.namespaces, daemons: host.daemons,
            packets: host.packets, frames: host.frames, records: host.records, firewalls: host.firewalls,
            export: host.export, translators: host.translators)
        let report = try await Removal(ports, logger: .silent).run()
        #expect(report.left.isEmpty)
        #expect(Set(host.model[nil]?.devices.keys.map(\.text) ?? []) == ["lo", "u0", "tap0"])
        #expect(host.model.namespaces.isEmpty)
        #expect(host.model.daemons.isEmpty)
        #expect(!host.model.filter.isPresent)
        #expect(try await Removal(ports, logger: .silent).run().done.isEmpty)
    }

    @Test func `a plan is shown from the API or the last snapshot and changes nothing`() async throws {
        try await settle()
        let before = host.dump
        let ports = HostPorts(
            links: host.links, filter: host.filter, namespaces: host.namespaces, daemons: host.daemons,
            packets: host.packets, frames: host.frames, records: host.records, firewalls: host.firewalls,
            export: host.export, translators: host.translators)
        let preview = PlanPreview(ports, logger: .silent)
        let api = StandInAPI(Fixture.reset(9))
        let file = folder.files.state.snapshot
        let fresh = try await PlanPreview.desired(api, file, patience: .seconds(5))
        #expect(fresh.apiIsAway == nil)
        #expect(try await !preview.plan(for: fresh.snapshot).isEmpty)
        api.goAway()
        let kept = try await PlanPreview.desired(api, file, patience: .seconds(5))
        #expect(kept.apiIsAway != nil)
        #expect(try await preview.plan(for: kept.snapshot).isEmpty)
        #expect(host.dump == before)
        try file.remove()
        await #expect(throws: PlanPreview.NothingKnown.self) {
            try await PlanPreview.desired(api, file, patience: .seconds(5))
        }
    }
}
