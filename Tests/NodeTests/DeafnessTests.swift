import NetworkModel
import NetworkNode
import NetworkPlanning
import NodePortsTesting
import Resources
import Testing
import Waiting

/// A connection that is cut so that neither end learns of it.
@Suite struct DeafnessTests {
    let host = Fixture.machine()
    let folder: Folder

    init() throws { folder = try Folder() }

    private static func desired(_ revision: UInt64, _ numbers: Int...) -> HostUpdate {
        Fixture.reset(revision, segments: [Fixture.segment(1)], attachments: numbers.map { Fixture.attachment($0) })
    }

    @Test func `a stream that does not tell what there is is given up, and the next one heard`() async throws {
        let api = StandInAPI(Self.desired(7, 1))
        let (host, folder) = (host, folder)
        try await withAgent(host, api, in: folder) {
            try await eventually("wired", { host.dump }) { host.model.filter.ready.count == 1 }
            #expect(api.connections == 1)
            api.begin(with: Self.desired(9, 1, 2))
            api.know(Revision(9))
            try await eventually("what was missed is done", { host.dump }) { host.model.filter.ready.count == 2 }
            #expect(api.connections == 2)
            let leases = api.leases
            try await eventually("compared") { api.leases > leases + 20 }
            #expect(api.connections == 2, "it has heard of revision 9, and stays")
        }
    }

    @Test func `a stream that tells of it a moment later is kept`() async throws {
        let api = StandInAPI(Self.desired(7, 1))
        let (host, folder) = (host, folder)
        var settings = AgentSettings.quick
        settings.deafness = .seconds(3)
        try await withAgent(host, api, in: folder, settings: settings) {
            try await eventually("wired", { host.dump }) { host.model.filter.ready.count == 1 }
            // Told of while it is owed, and before.
            api.know(Revision(8))
            let leases = api.leases
            try await eventually("told of") { api.leases > leases }
            api.push(HostUpdate(revision: Revision(8)))
            api.push(HostUpdate(revision: Revision(9)))
            api.know(Revision(9))
            try await eventually("longer than is borne") { api.leases > leases + 200 }
            #expect(api.connections == 1)
        }
    }
}
