import APIClient
import Addressing
import Glibc
import Laboratory
import NetworkModel
import Resources
import Testing

extension SystemTests {
    /// Everything that stands in `topology/`, end to end, with the two oracles: a restarted agent has nothing to do, and a
    /// new machine in the place of a lost one becomes the same from the store alone. Folders with a suite of their own, as
    /// `cluster` in ClusterTests, are brought up there: a run here would add its 15 s without another question.
    struct TopologyRunTests {
        @Test(arguments: ["one-host", "two-hosts", "no-multicast", "three-hosts-router", "routed", "nat64"])
        func `a topology becomes as expected, stays so, can be built again, and leaves nothing`(_ name: String)
            async throws
        {
            try await withSystem(name, warnings: ["the API is away"]) { system in
                let before = try await system.dumps()
                let revisions = try await system.client.list(system.collection(Attachment.kind)).map(\.revision)
                try await system.applyDesired()
                #expect(
                    try await system.client.list(system.collection(Attachment.kind)).map(\.revision) == revisions,
                    "a second apply must change nothing")
                for host in system.topology.hosts {
                    try await system.restartAgent(on: host.name.text, signal: SIGKILL)
                }
                #expect(try await system.dumps() == before)
                try await rebuild(system, before)
                try await removeEverything(system)
            }
        }

        /// The last host is lost and replaced: what identifies it is kept, its snapshot is not.
        private func rebuild(_ system: System, _ before: [String: String]) async throws {
            let host = try #require(system.topology.hosts.last)
            try await system.laboratory.replace(host, keeping: ["node/api.json", "node/credential"])
            try system.laboratory.startAgent(host, system.programs)
            try await system.settle()
            let after = try await system.dumps()
            for (name, dump) in before { #expect(after[name] == dump, "the dump of \(name)") }
        }

        private func removeEverything(_ system: System) async throws {
            let projects = try await system.client.list(system.collection(Project.kind)).map(\.name.text)
            for project in projects {
                for kind in [Mapping.kind, Gateway.kind, Attachment.kind, Segment.kind] {
                    let collection = ResourceCollection(kind, project: project)
                    for document in try await system.client.list(collection) {
                        do { try await system.client.delete(collection, document.name.text) } catch let problem
                            as APIProblem where problem.status == 404
                        {
                            // The ports of a gateway go with it.
                        }
                    }
                }
            }
            for host in system.topology.hosts {
                let machine = try system.laboratory.machine(host.name)
                // An operator's interface that was an uplink is back.
                let own = ["lo", host.interface.text] + host.cables.map(\.interface.text)
                try await system.eventually("nothing of KC is left on \(host.name)") {
                    try await machine.devices().map(\.name).sorted() == own.sorted()
                }
                try await system.eventually("no gateway is left on \(host.name)") {
                    try await machine.guestNamespaces().allSatisfy { !$0.hasPrefix("kcg-") }
                }
            }
        }
    }
}
