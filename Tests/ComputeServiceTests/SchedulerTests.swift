import ComputeModel
import ComputeService
import Persistence
import Resources
import SQLiteStore
import SeededRandomness
import Testing
import Waiting

/// Placing over the real store.
@Suite struct SchedulerTests {
    @Test func `a VM has its place with its creation, and one without says why`() async throws {
        try await ComputeServer.with(hosts: 2) { server in
            try await server.makeOffer()
            let early = try await server.make(.vm, ComputeServer.vm("early"))
            #expect(try early.text("status", "state") == "waiting")
            #expect(try early.text("status", "message") == "it has no place: there are no hosts")
            try await server.makeHosts(2)
            let placed = try await server.make(.vm, ComputeServer.vm("web", cpus: 8))
            let host = try #require(try placed.text("status", "host"))
            #expect(try server.get(.computeHost, host).text("status", "free", "cpus") == "0")
            #expect(try server.get(.computeHost, host).text("status", "vms") == "1")
            try await server.make(.vm, ComputeServer.vm("db", cpus: 8))
            let third = try await server.make(.vm, ComputeServer.vm("third", cpus: 4))
            #expect(
                try third.text("status", "message")
                    == "it has no place: 2 hosts: 2 lack CPUs (need 4, at most 0 free)")
            let reasons = try server.service.explain("third", in: server.project, for: administrator)
            #expect(reasons.hosts?.map(\.name) == ["c1", "c2"])
            #expect(reasons.hosts?.first?.reasons == ["lacks CPUs (need 4, 0 free)"])
        }
    }

    @Test func `a placed VM whose document cannot be read is there all the same`() async throws {
        try await ComputeServer.with(hosts: 1) { server in
            try await server.makeOffer()
            try await server.makeHosts(1)
            let vm = try await server.make(.vm, ComputeServer.vm("web"))
            let id = vm.id
            let key = StoreKey("/kc/compute/w/r/vms/\(server.project.id)/\(id)")
            let outcome = try await server.store.commit(
                StoreTransaction(conditions: [.exists(key)], changes: [.put(key, Array("{".utf8))]))
            guard case .committed = outcome else { throw Missing() }
            // Who knew it keeps what it knew; a server that starts now has never seen it.
            let late = ComputeService(
                store: server.store, directory: InProcessDirectory(network: server.network),
                settings: ComputeService.Settings(), logger: ComputeServer.logger)
            try await server.running(late) {
                #expect(late.cache.item(.vm, id) == nil)
                #expect(late.cache.machineIDs == [id], "its ports must not be taken for nobody's")
                #expect(late.cache.placed().ids == [id], "its host must not take it away")
            }
        }
    }

    private struct Missing: Error {}

    @Test func `VMs without a place are tried again when a host comes, gets room or is uncordoned`() async throws {
        try await ComputeServer.with(hosts: 2) { server in
            try await server.makeOffer()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await server.service.keepPlacing() }
                defer { group.cancelAll() }
                func expectPlaced(_ name: String) async throws {
                    try await eventually("a place for \(name)") {
                        try server.get(.vm, name).text("status", "host") != nil
                    }
                }
                try await server.make(.vm, ComputeServer.vm("one", cpus: 8))
                try await server.makeHosts(1)
                try await expectPlaced("one")
                let two = try await server.make(.vm, ComputeServer.vm("two", cpus: 8))
                #expect(try two.text("status", "host") == nil)
                try await server.remove(.vm, "one")
                try await expectPlaced("two")
                let host = try server.get(.computeHost, "c1")
                let spec = #""host":"h1","reserved":{"cpus":0,"memoryMiB":0,"diskGiB":0}"#
                _ = try await server.put(.computeHost, "c1", #"{"name":"c1","spec":{\#(spec),"cordoned":true}}"#)
                #expect(try server.get(.computeHost, "c1").text("status", "state") == "cordoned")
                let three = try await server.make(.vm, ComputeServer.vm("three"))
                #expect(try three.text("status", "message") == "it has no place: 1 host: 1 is cordoned")
                _ = try await server.put(.computeHost, "c1", #"{"name":"c1","spec":{\#(spec)}}"#)
                try await expectPlaced("three")
                #expect(try server.get(.computeHost, "c1").id == host.id)
            }
        }
    }

    @Test func `a lost host shows as lost with its VMs, which nothing touches`() async throws {
        try await ComputeServer.with(hosts: 2) { server in
            try await server.makeOffer()
            try await server.makeHosts(1)
            let vm = try await server.make(.vm, ComputeServer.vm("web"))
            let now = Timestamp.now
            _ = try await server.service.report(
                VirtualMachineReport(state: .running, generation: 1, since: now), of: vm.id)
            await expectProblem(.inUse, saying: "power") { try await server.remove(.vm, "web") }
            let host = try server.get(.computeHost, "c1")
            try await server.report(host.id, loss: ComputeHostReport.Loss(since: now, reason: "no answer for 30 s"))
            #expect(try server.get(.computeHost, "c1").text("status", "state") == "lost")
            #expect(try server.get(.vm, "web").text("status", "state") == "lost")
            #expect(try server.get(.vm, "web").text("status", "message") == "its host is lost: no answer for 30 s")
            let spare = try await server.make(.computeHost, #"{"name":"c2","spec":{"host":"h2"}}"#)
            try await server.report(spare.id)
            #expect(try await server.service.placeWaiting() == 0)
            #expect(try server.get(.vm, "web").text("status", "host") == "c1")
            await expectProblem(.inUse, saying: "lost") { try await server.remove(.vm, "web") }
        }
    }

    @Test func `a host whose agent falls silent is lost, since when and why, and back with its word`() async throws {
        var settings = ComputeService.Settings()
        settings.hostLease = .milliseconds(500)
        try await ComputeServer.with(hosts: 2, settings: settings) { server in
            try await server.makeOffer()
            try await server.makeHosts(2)
            let host = try server.get(.computeHost, "c1").id
            for name in ["web", "db"] {
                try await server.make(.vm, ComputeServer.vm(name, more: #","placement":{"antiAffinity":["g"]}"#))
            }
            func states() throws -> [String?: String?] {
                try Dictionary(
                    uniqueKeysWithValues: ["web", "db"].map {
                        let vm = try server.get(.vm, $0)
                        return (try vm.text("status", "host"), try vm.text("status", "state"))
                    })
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 1...2 { group.addTask { await server.service.keepWatch() } }
                defer { group.cancelAll() }
                // The other one is of a version whose agents say nothing of the kind.
                let before = Timestamp.now
                try await server.service.renew(host)
                try await eventually("it is lost") {
                    try server.get(.computeHost, "c1").text("status", "state") == "lost"
                }
                let lost = try server.get(.computeHost, "c1")
                let reason = try #require(try lost.text("status", "lost", "reason"))
                #expect(reason.contains("not been heard of for 0.5 seconds"))
                let since = try #require(try lost.text("status", "lost", "since").flatMap { Timestamp(rfc3339: $0) })
                #expect((before.milliseconds - 200...Timestamp.now.milliseconds).contains(since.milliseconds))
                #expect(try server.get(.computeHost, "c2").text("status", "state") == "ready")
                #expect(try states() == ["c1": "lost", "c2": "waiting"])
                try await server.service.renew(host)
                #expect(try server.get(.computeHost, "c1").text("status", "state") == "ready")
                #expect(try states() == ["c1": "waiting", "c2": "waiting"])
                // Each in its time, beyond one lease.
                let end = ContinuousClock.now + .seconds(1)
                try await eventually("its time is over") {
                    try await server.service.renew(host)
                    #expect(try server.get(.computeHost, "c1").text("status", "state") == "ready")
                    return .now > end
                }
            }
        }
    }

    @Test func `a VM grows where it is if there is room, and not while it runs`() async throws {
        try await ComputeServer.with(hosts: 1) { server in
            try await server.makeOffer()
            try await server.makeHosts(1)
            let vm = try await server.make(.vm, ComputeServer.vm("web", cpus: 2))
            try await server.make(.vm, ComputeServer.vm("db", cpus: 4))
            await expectProblem(.conflict, field: "spec.parameters", saying: "need 5, 4 free") {
                _ = try await server.put(.vm, "web", ComputeServer.vm("web", cpus: 5))
            }
            _ = try await server.put(.vm, "web", ComputeServer.vm("web", cpus: 4))
            #expect(try server.get(.computeHost, "c1").text("status", "free", "cpus") == "0")
            _ = try await server.service.report(
                VirtualMachineReport(state: .running, generation: 2, since: .now), of: vm.id)
            await expectProblem(.inUse, saying: "running") {
                _ = try await server.put(.vm, "web", ComputeServer.vm("web", cpus: 1))
            }
        }
    }

    /// Servers over one store, each with a cache of its own that is behind the others, and each with threads.
    @Test(.timeLimit(.minutes(2)))
    func `servers that place at the same time over one store never promise a host twice, and all get on`() async throws
    {
        try await ComputeServer.with(hosts: 3) { server in
            var random = SeededGenerator(printedFor: "racing schedulers")
            try await server.makeOffer()
            try await server.makeHosts(3, cpus: 8, memoryMiB: 8192)
            let (second, third) = (server.another(), server.another())
            try await server.running(second) {
                try await server.running(third) {
                    let services = [server.service, second, third]
                    let orders = (0..<60).map {
                        ($0, Int.random(in: 1...3, using: &random), Int.random(in: 0..<3, using: &random))
                    }
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for (number, cpus, place) in orders {
                            group.addTask {
                                let group = number % 4 == 0 ? #","placement":{"antiAffinity":["g"]}"# : ""
                                let json = ComputeServer.vm("vm\(number)", cpus: cpus, more: group)
                                _ = try await services[place].create(
                                    .vm, in: server.project, ComputeServer.parse(json), by: administrator)
                                if number % 5 == 0 { try await services[(place + 1) % 3].placeWaiting() }
                                if number % 7 == 0 {
                                    _ = try await services[place].delete(
                                        .vm, in: server.project, "vm\(number)", by: administrator)
                                }
                            }
                        }
                        try await group.waitForAll()
                    }
                    try await server.service.await(.consistent)
                    try await server.service.placeWaiting()
                    try await expectNoHostOverBooked(server)
                }
            }
        }
    }

    private func expectNoHostOverBooked(_ server: ComputeServer) async throws {
        let vms = try server.service.list(.vm, in: server.project, for: administrator).items
        var used: [String: (cpus: Int, groups: Int)] = [:]
        var waiting = 0
        for vm in vms {
            guard let host = try vm.text("status", "host") else {
                waiting += 1
                continue
            }
            used[host, default: (0, 0)].cpus += Int(try vm.text("status", "machine", "cpus") ?? "") ?? 0
            if try vm.text("spec", "placement") != nil { used[host]?.groups += 1 }
        }
        for (host, sum) in used {
            #expect(sum.cpus <= 8, "\(host) has \(sum.cpus) of 8 CPUs")
            #expect(sum.groups <= 1, "\(host) has \(sum.groups) VMs of one group")
            #expect(try server.get(.computeHost, host).text("status", "free", "cpus") == "\(8 - sum.cpus)")
        }
        #expect(waiting > 0, "everything fits: nobody raced for room")
        #expect(used.values.reduce(0) { $0 + $1.cpus } > 18, "the hosts are not full: \(used)")
    }
}
