import ComputeModel
import ComputeService
import NetworkService
import Persistence
import Resources
import SQLiteStore
import Testing

/// What may be written, and what is refused.
@Suite struct KindTests {
    @Test func `a VM is what its machine type was, and a later change of the type changes no VM`() async throws {
        try await ComputeServer.with { server in
            try await server.makeOffer()
            let vm = try await server.make(
                .vm, ComputeServer.vm("web", cpus: 2, more: #","networks":[{"segment":"blue"}]"#))
            let segment = try await server.network.find(.segment, project: "default", "blue")
            #expect(try vm.text("spec", "networks") == #"[{"segment":"\#(segment.id)"}]"#)
            #expect(try vm.text("status", "machine", "cpus") == "2")
            #expect(try vm.text("status", "machine", "memoryMiB") == "1024")
            _ = try await server.put(
                .machineType, "small",
                #"{"name":"small","spec":{"architecture":"x86_64","cpus":4,"memoryMiB":4096,"diskGiB":20}}"#)
            #expect(try server.get(.vm, "web").text("status", "machine", "cpus") == "2")
            let renamed = try await server.put(
                .vm, "web", ComputeServer.vm("www", cpus: 2, more: #","networks":[{"segment":"blue"}]"#))
            #expect(try renamed.text("status", "machine", "cpus") == "2")
            #expect(renamed.id == vm.id)
        }
    }

    @Test func `what a VM names must be there and fit, or the field is named`() async throws {
        try await ComputeServer.with { server in
            try await server.makeOffer()
            try await server.make(.image, ComputeServer.image("arm", architecture: "arm64"))
            func spec(_ text: String) -> String { #"{"name":"web","spec":{\#(text)}}"# }
            let cases: [(String, String)] = [
                (#""machineType":"huge","image":"debian""#, "spec.machineType"),
                (#""machineType":"small","image":"gone""#, "spec.image"),
                (#""machineType":"small","image":"arm""#, "spec.image"),
                (#""machineType":"small","image":"debian","parameters":{"cpus":9}"#, "spec.parameters.cpus"),
                (#""machineType":"small","image":"debian","parameters":{"gpus":1}"#, "spec.parameters.gpus"),
                (#""machineType":"small","image":"debian","networks":[{"segment":"red"}]"#, "spec.networks[0].segment"),
                (
                    #""machineType":"small","image":"debian","networks":[{"attachment":"x"}]"#,
                    "spec.networks[0].attachment"
                ),
            ]
            for (text, field) in cases {
                do {
                    try await server.make(.vm, spec(text))
                    Issue.record("\(text) was taken")
                } catch let problem as Problem { #expect(problem.field == field, "\(problem)") }
            }
            #expect(try server.service.list(.vm, in: server.project, for: administrator).items.isEmpty)
        }
    }

    @Test func `what VMs use is not deleted, and goes when they are gone`() async throws {
        try await ComputeServer.with(hosts: 1) { server in
            try await server.makeOffer()
            try await server.makeHosts(1)
            try await server.make(.vm, ComputeServer.vm("web"))
            await expectProblem(.inUse, saying: "web") { try await server.remove(.machineType, "small") }
            await expectProblem(.inUse, saying: "web") { try await server.remove(.image, "debian") }
            await expectProblem(.inUse, saying: "1 VMs", "drain") { try await server.remove(.computeHost, "c1") }
            try await server.remove(.vm, "web")
            #expect(try server.get(.computeHost, "c1").text("status", "vms") == "0")
            try await server.remove(.machineType, "small")
            try await server.remove(.image, "debian")
            try await server.remove(.computeHost, "c1")
            // Nothing is left but the mark and former revisions of nothing.
            let left = try await server.store.list(StoreKey("/kc/compute/"), after: nil, limit: 100)
            #expect(left.entries.map(\.key.text).filter { !$0.hasSuffix("/m") } == [])
        }
    }

    @Test func `a stale revision changes nothing, former revisions are listed and restored`() async throws {
        try await ComputeServer.with { server in
            try await server.makeOffer()
            let first = try await server.make(.vm, ComputeServer.vm("web"))
            let json = ComputeServer.vm("web", more: #","power":"off""#)
            let second = try await server.put(.vm, "web", json, expecting: first.revision)
            await expectProblem(.preconditionFailed) {
                _ = try await server.put(.vm, "web", ComputeServer.vm("web"), expecting: first.revision)
            }
            let same = try await server.put(.vm, "web", json)
            #expect(same.revision == second.revision, "nothing changed, and it was written")
            let history = try JSONParser.parse(
                try await server.service.history(.vm, in: server.project, "web", for: administrator))
            guard case .array(let entries)? = history["items"]?.content else {
                Issue.record("no items")
                return
            }
            #expect(entries.map { $0["action"]?.string } == ["update", "create"])
            let restored = try await server.service.restore(
                .vm, in: server.project, "web", generation: 1, by: administrator)
            #expect(try #require(restored.item).text("spec", "power") == "on")
            #expect(try #require(restored.item).text("generation") == "3")
        }
    }

    @Test func `names are taken once, also of two creates at the same time`() async throws {
        try await ComputeServer.with { server in
            try await server.makeOffer()
            let other = server.another()
            try await server.running(other) {
                let services = [server.service, other]
                let outcomes = await withTaskGroup(of: Result<ResourceID?, Problem>.self) { group in
                    for number in 0..<8 {
                        group.addTask { () async -> Result<ResourceID?, Problem> in
                            do throws(Problem) {
                                let node: JSONNode
                                do { node = try ComputeServer.parse(ComputeServer.vm("web")) } catch {
                                    throw Problem(.internal, "\(error)")
                                }
                                return .success(
                                    try await services[number % 2].create(
                                        .vm, in: server.project, node, by: administrator
                                    ).item?.id)
                            } catch { return .failure(error) }
                        }
                    }
                    return await group.reduce(into: []) { $0.append($1) }
                }
                let codes = outcomes.compactMap { if case .failure(let problem) = $0 { problem.code } else { nil } }
                #expect(codes == Array(repeating: .nameTaken, count: 7))
            }
        }
    }

    @Test func `a server that keeps no history writes, replaces and removes all the same`() async throws {
        var settings = ComputeService.Settings()
        settings.historyLength = 0
        try await ComputeServer.with(settings: settings) { server in
            try await server.make(.image, ComputeServer.image("base"))
            _ = try await server.put(.image, "base", ComputeServer.image("base", shared: true))
            try await server.remove(.image, "base")
            try await server.make(.image, ComputeServer.image("base"))
        }
    }

    @Test func `an image with other bytes is another image, and one that others use stays shared`() async throws {
        try await ComputeServer.with { server in
            try await server.makeOffer()
            try await server.make(.image, ComputeServer.image("base", shared: true))
            let other = try await server.network.create(
                .project, ComputeServer.parse(#"{"name":"other","spec":{}}"#), by: administrator)
            let item = try #require(other.item)
            let there = ProjectIdentity(id: item.id, name: item.name)
            await expectProblem(.invalidField, field: "spec.image", saying: "shared") {
                try await server.make(.vm, ComputeServer.vm("web"), in: there)
            }
            try await server.make(
                .vm, #"{"name":"web","spec":{"machineType":"small","image":"base"}}"#, in: there)
            await expectProblem(.inUse, field: "spec.shared") {
                _ = try await server.put(.image, "base", ComputeServer.image("base"))
            }
            await expectProblem(.invalidField, field: "spec.size", saying: "another image") {
                let json = ComputeServer.image("debian").replacing("1048576", with: "2097152")
                _ = try await server.put(.image, "debian", json)
            }
            await expectProblem(.inUse) { try await server.remove(.image, "base") }
        }
    }

    @Test func `a role in a project writes its VMs and nothing of the cluster`() async throws {
        try await ComputeServer.with(hosts: 1) { server in
            try await server.makeOffer()
            try await server.makeHosts(1)
            func who(_ role: Role, everywhere: Bool = false, scope: Identity.Scope? = nil) -> Principal {
                let grants = everywhere ? Grants(everywhere: role) : Grants(projects: ["default": role])
                return .identity(Identity(name: "user/eva", grants: grants, scope: scope))
            }
            try await server.make(.vm, ComputeServer.vm("web"), by: who(.operator))
            for principal in [who(.viewer), who(.consumer), who(.operator, scope: Identity.Scope(verbs: [.read]))] {
                await expectProblem(.forbidden) { try await server.make(.vm, ComputeServer.vm("db"), by: principal) }
                #expect(try server.service.find(.vm, in: server.project, "web", for: principal).name.text == "web")
            }
            let stranger = Principal.identity(Identity(name: "user/max", grants: Grants(projects: ["other": .admin])))
            await expectProblem(.notFound) {
                _ = try server.service.find(.vm, in: server.project, "web", for: stranger)
            }
            await expectProblem(.forbidden) {
                try await server.make(.image, ComputeServer.image("x", shared: true), by: who(.admin))
            }
            await expectProblem(.notFound) { _ = try server.service.find(.computeHost, "c1", for: who(.admin)) }
            #expect(try server.service.find(.machineType, "small", for: who(.viewer)).name.text == "small")
            await expectProblem(.forbidden) {
                _ = try await server.service.delete(.machineType, "small", by: who(.operator, everywhere: true))
            }
            let agent = Principal.host(server.project.id)
            await expectProblem(.notFound) { _ = try server.service.find(.vm, in: server.project, "web", for: agent) }
            let seen = try server.get(.vm, "web")
            #expect(String(decoding: seen.json(.tenant), as: UTF8.self).contains(#""host":"#) == false)
            #expect(try seen.text("status", "host") == "c1")
        }
    }

    @Test func `who follows sees each change once and in order, and is told when that is no longer possible`()
        async throws
    {
        try await ComputeServer.with { server in
            try await server.makeOffer()
            let (items, place, revision) = server.service.cache.beginning(.vm, project: server.project.id)
            #expect(items.isEmpty)
            try await server.make(.vm, ComputeServer.vm("a"))
            try await server.remove(.vm, "a")
            let changes = try #require(server.service.cache.changes(from: place))
            // Once as it is new, once with the reason why it has no place, and once as it is gone.
            #expect(changes.map { $0.new?.name.text } == ["a", "a", nil])
            #expect(changes.map(\.revision) == changes.map(\.revision).sorted())
            #expect(server.service.cache.place(after: revision).place == place)
        }
    }
}
