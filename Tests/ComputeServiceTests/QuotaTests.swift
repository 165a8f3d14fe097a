import ComputeService
import Persistence
import Resources
import Testing

/// What a project may have of VMs and images, over the real store.
@Suite struct QuotaTests {
    private func project(_ server: ComputeServer, _ quotas: String) throws -> ProjectIdentity {
        ProjectIdentity(
            id: server.project.id, name: server.project.name,
            quotas: try Quotas(json: ComputeServer.parse(quotas), path: "spec.quotas"))
    }

    @Test(arguments: [ComputeKind.vm, .image])
    func `64 clients at two servers get as much as the quota says, and not one more`(kind: ComputeKind) async throws {
        try await ComputeServer.with(hosts: 2) { server in
            try await server.makeOffer()
            try await server.makeHosts(2, cpus: 64, memoryMiB: 65_536, diskGiB: 1000)
            // The image of the offer counts too.
            let project = try project(server, #"{"compute.vms":20,"compute.images":21}"#)
            let other = server.another()
            @Sendable func create(_ service: ComputeService, _ name: String) async throws -> Bool {
                let json = kind == .vm ? ComputeServer.vm(name) : ComputeServer.image(name)
                do {
                    _ = try await service.create(kind, in: project, ComputeServer.parse(json), by: administrator)
                    return true
                } catch let problem as Problem {
                    #expect(problem.code == .quotaExceeded, "\(problem)")
                    return false
                }
            }
            try await server.running(other) {
                let made = try await withThrowingTaskGroup(of: Bool.self) { group in
                    for number in 1...64 {
                        group.addTask { try await create(number % 2 == 0 ? server.service : other, "n\(number)") }
                    }
                    return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
                }
                #expect(made == 20)
                try await server.service.await(.consistent)
                // Those that were refused are not there.
                let names = (1...64).map { "n\($0)" }.filter { (try? server.get(kind, $0)) != nil }
                #expect(names.count == 20)
                // What is deleted makes room for one.
                try await server.remove(kind, try #require(names.first))
                #expect(try await create(server.service, "late"))
                #expect(try await !create(server.service, "later"))
            }
        }
    }

    @Test func `CPUs, memory and disks count with each VM, whether it has a place or not`() async throws {
        try await ComputeServer.with { server in
            try await server.makeOffer()
            func make(_ name: String, _ cpus: Int, _ quotas: String) async throws {
                try await server.make(
                    .vm, ComputeServer.vm(name, cpus: cpus), in: try project(server, quotas))
            }
            try await make("one", 3, #"{"compute.cpus":4,"compute.memory-mib":2048,"compute.disk-gib":20}"#)
            await expectProblem(
                .quotaExceeded, field: "spec.quotas.compute.cpus", saying: "has 3 compute.cpus", "2 more"
            ) { try await make("two", 2, #"{"compute.cpus":4}"#) }
            await expectProblem(.quotaExceeded, field: "spec.quotas.compute.memory-mib", saying: "has 1024 ") {
                try await make("two", 1, #"{"compute.cpus":4,"compute.memory-mib":2047}"#)
            }
            await expectProblem(.quotaExceeded, field: "spec.quotas.compute.disk-gib", saying: "has 10 ") {
                try await make("two", 1, #"{"compute.disk-gib":19}"#)
            }
            try await make("two", 1, #"{"compute.cpus":4,"compute.memory-mib":2048,"compute.disk-gib":20}"#)
        }
    }

    @Test func `a quota below what there is takes nothing away, and a VM may still become smaller`() async throws {
        try await ComputeServer.with { server in
            try await server.makeOffer()
            try await server.make(.vm, ComputeServer.vm("web", cpus: 4))
            let tight = try project(server, #"{"compute.vms":0,"compute.cpus":2,"compute.images":0}"#)
            func put(_ cpus: Int, more: String = "") async throws -> ComputeItem? {
                try await server.service.replace(
                    .vm, in: tight, "web", ComputeServer.parse(ComputeServer.vm("web", cpus: cpus, more: more)),
                    by: administrator
                ).item
            }
            await expectProblem(.quotaExceeded, field: "spec.quotas.compute.cpus") { _ = try await put(5) }
            _ = try await put(4, more: #","power":"off""#)
            #expect(try await put(3)?.text("status", "machine", "cpus") == "3")
            await expectProblem(.quotaExceeded, field: "spec.quotas.compute.cpus", saying: "has 3 ") {
                _ = try await put(4)
            }
            // An earlier revision that was larger is no way around it.
            await expectProblem(.quotaExceeded, field: "spec.quotas.compute.cpus") {
                _ = try await server.service.restore(.vm, in: tight, "web", generation: 1, by: administrator)
            }
            let wide = try project(server, #"{"compute.cpus":4}"#)
            _ = try await server.service.restore(.vm, in: wide, "web", generation: 1, by: administrator)
            #expect(try server.get(.vm, "web").text("status", "machine", "cpus") == "4")
        }
    }
}
