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

@Suite struct ConvergenceTests {
    let host = Fixture.machine()
    let folder: Folder

    init() throws { folder = try Folder() }

    func isWired(_ api: StandInAPI, _ attachment: DesiredAttachment) -> Bool {
        api.report(Attachment.kind, attachment.id)?.phase == .wired
    }

    func isReady(_ attachment: DesiredAttachment) -> Bool { host.model.filter.ready.contains(attachment.portName) }

    @Test func `what is desired comes to be and is reported`() async throws {
        let attachment = Fixture.attachment(1)
        let api = StandInAPI(Fixture.reset(1))
        try await withAgent(host, api, in: folder) { [self] in
            try await eventually("connected") { api.report(Host.kind, Fixture.host.id)?.phase == .wired }
            api.push(Fixture.change(2, segments: [Fixture.segment(1)], attachments: [attachment]))
            try await eventually("wired", { host.dump }) { isWired(api, attachment) }
            #expect(api.report(Attachment.kind, attachment.id)?.interface == attachment.portName)
            #expect(api.report(Segment.kind, attachment.segment)?.phase == .wired)
            #expect(api.report(Host.kind, Fixture.host.id)?.details["kernel"] == "6.1")
            #expect(isReady(attachment))
            try await eventually("lease") { api.leases > 2 }
            api.push(
                Fixture.change(3, removedSegments: [attachment.segment], removedAttachments: [attachment.id]))
            try await eventually("gone", { host.dump }) {
                api.hasSaidGone(Attachment.kind, attachment.id) && api.hasSaidGone(Segment.kind, attachment.segment)
            }
            #expect(host.model[nil]?.devices.count == 2, "lo and the underlay are left: \(host.dump)")
        }
    }

    @Test func `a gateway comes with its namespace, its port and its daemon, and goes with them`() async throws {
        let port = Fixture.attachment(1, port: .gateway(Fixture.id(3, 1)))
        let gateway = Fixture.gateway(1, port: port)
        let segment = Fixture.segment(1, ipam: .automatic)
        let api = StandInAPI(Fixture.reset(1, segments: [segment], attachments: [port], gateways: [gateway]))
        try await withAgent(host, api, in: folder) { [self] in
            try await eventually("wired", { host.dump }) {
                api.report(Gateway.kind, gateway.id)?.phase == .wired && isWired(api, port)
            }
            #expect(api.report(Gateway.kind, gateway.id)?.details["radvd"] == "running")
            var gone = Fixture.change(2, removedSegments: [segment.id], removedAttachments: [port.id])
            gone.removedGateways = [gateway.id]
            api.push(gone)
            try await eventually("gone", { host.dump }) {
                api.hasSaidGone(Gateway.kind, gateway.id) && host.model.namespaces.isEmpty
                    && host.model.daemons.isEmpty
            }
            #expect(host.model.farewells.count == 1)
        }
    }

    @Test func `changes that arrive together lead where each alone would`() async throws {
        let changes = (1...8).map { number in
            Fixture.change(
                UInt64(1 + number), segments: [Fixture.segment(number % 3)],
                attachments: [Fixture.attachment(number, on: number % 3)])
        }
        let squashed = StandInAPI(Fixture.reset(1))
        try await withAgent(host, squashed, in: folder) { [self] in
            try await eventually("connected") { squashed.connections == 1 }
            for change in changes { squashed.push(change) }
            try await eventually("wired", { host.dump }) {
                (1...8).allSatisfy { isWired(squashed, Fixture.attachment($0)) }
            }
        }
        let other = Fixture.machine()
        let single = StandInAPI(Fixture.reset(1))
        try await withAgent(other, single, in: try Folder()) {
            try await eventually("connected") { single.connections == 1 }
            for (number, change) in zip(1..., changes) {
                single.push(change)
                try await eventually("wired one by one", { other.dump }) { isWired(single, Fixture.attachment(number)) }
            }
        }
        #expect(host.dump == other.dump)
    }

    @Test func `an older change is passed over, a reset to an older revision is not`() async throws {
        let first = Fixture.attachment(1)
        let second = Fixture.attachment(2)
        let api = StandInAPI(Fixture.reset(5, segments: [Fixture.segment(1)], attachments: [first]))
        try await withAgent(host, api, in: folder) { [self] in
            try await eventually("wired") { isWired(api, first) }
            api.push(Fixture.change(4, removedAttachments: [first.id]))
            api.push(Fixture.change(6, attachments: [second]))
            try await eventually("wired") { isWired(api, second) }
            #expect(isReady(first))
            api.begin(with: Fixture.reset(3, segments: [Fixture.segment(1)], attachments: [second]))
            api.hangUp()
            try await eventually("taken back", { host.dump }) { !isReady(first) }
            #expect(isReady(second))
        }
    }

    @Test func `a failed step keeps back its own subject alone and is tried again`() async throws {
        let bad = Fixture.attachment(1)
        let good = Fixture.attachment(2)
        let words = "Device or resource busy"
        host.fail { operation in
            guard case .link(.create(let new), in: nil) = operation, new.name == bad.portName else { return nil }
            return NodeError(.errno(16), operation: "create tap", subject: new.name.text, message: words)
        }
        let api = StandInAPI(Fixture.reset(1, segments: [Fixture.segment(1)], attachments: [bad, good]))
        try await withAgent(host, api, in: folder) { [self] in
            try await eventually("the good one is wired") { isWired(api, good) }
            try await eventually("the bad one is told of") {
                api.report(Attachment.kind, bad.id)?.phase == .failed
            }
            #expect(api.report(Attachment.kind, bad.id)?.message?.contains(words) == true)
            #expect(!isReady(bad), "a port that could not be made is not let through")
            host.fail(nil)
            try await eventually("mended", { host.dump }) { isWired(api, bad) }
        }
    }

    @Test func `nothing is made that could forward while the guard cannot be installed`() async throws {
        let attachment = Fixture.attachment(1)
        host.fail { operation in
            guard case .filter(.install) = operation else { return nil }
            return NodeError(.program, operation: "install", subject: "tables", message: "no nf_tables")
        }
        let api = StandInAPI(Fixture.reset(1, segments: [Fixture.segment(1)], attachments: [attachment]))
        try await withAgent(host, api, in: folder) { [self] in
            try await eventually("told") { api.report(Host.kind, Fixture.host.id)?.phase == .failed }
            try await eventually("told") { api.report(Attachment.kind, attachment.id) != nil }
            #expect(host.model[nil]?.devices.count == 2, "\(host.dump)")
            #expect(!isWired(api, attachment))
            host.fail(nil)
            try await eventually("wired") { isWired(api, attachment) }
        }
    }

    @Test func `an underlay that is not there is reported as unfit and found when it comes`() async throws {
        let empty = InMemoryHost()
        let attachment = Fixture.attachment(1)
        let api = StandInAPI(Fixture.reset(1, segments: [Fixture.segment(1)], attachments: [attachment]))
        try await withAgent(empty, api, in: folder) { [self] in
            try await eventually("unfit") { api.report(Host.kind, Fixture.host.id)?.phase == .unfit }
            #expect(api.report(Host.kind, Fixture.host.id)?.message?.contains("u0") == true)
            #expect(api.report(Attachment.kind, attachment.id)?.phase == .unfit)
            empty.change { model in
                model.set(Fixture.underlay, Fixture.device())
                model[nil]?.addresses[Fixture.underlay] = [InterfaceAddress(Fixture.vtep, length: 64)]
            }
            try await eventually("fit", { empty.dump }) {
                isWired(api, attachment) && api.report(Host.kind, Fixture.host.id)?.phase == .wired
            }
        }
    }

    @Test func `an attachment into a namespace waits for it`() async throws {
        let web = Fixture.namespace("web")
        let attachment = Fixture.attachment(1, port: .namespace(web, interface: Fixture.interface("eth0")))
        let api = StandInAPI(Fixture.reset(1, segments: [Fixture.segment(1)], attachments: [attachment]))
        // No event tells of a new namespace; the full comparison shall not be what finds it.
        var settings = AgentSettings.quick
        settings.fullComparison = .seconds(60)
        try await withAgent(host, api, in: folder, settings: settings) { [self] in
            try await eventually("pending") { api.report(Attachment.kind, attachment.id)?.phase == .pending }
            host.change { $0.createNamespace(web) }
            try await eventually("wired", { host.dump }) { isWired(api, attachment) }
            #expect(host.model[web]?.devices[Fixture.interface("eth0")] != nil)
        }
    }

    @Test func `removals do not go before a new port in one change`() async throws {
        let old = Fixture.attachment(1)
        let new = Fixture.attachment(2, on: 2)
        let api = StandInAPI(Fixture.reset(1, segments: [Fixture.segment(1)], attachments: [old]))
        try await withAgent(host, api, in: folder) { [self] in
            try await eventually("wired") { isWired(api, old) }
            _ = host.takeApplied()
            api.push(
                Fixture.change(
                    2, segments: [Fixture.segment(2)], attachments: [new], removedSegments: [old.segment],
                    removedAttachments: [old.id]))
            try await eventually("done", { host.dump }) {
                isWired(api, new) && api.hasSaidGone(Segment.kind, old.segment)
            }
            let operations = host.takeApplied()
            let ready = operations.firstIndex {
                if case .filter(.change(.port(new.portName), remove: [], add: _)) = $0 { true } else { false }
            }
            let deletion = operations.firstIndex { if case .link(.delete, in: nil) = $0 { true } else { false } }
            #expect(try #require(ready) < (try #require(deletion)))
        }
    }
}
