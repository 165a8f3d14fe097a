import Addressing
import NetworkModel
import NetworkPlanning
import NetworkService
import Persistence
import Resources
import Testing
import Waiting

/// Moves of a gateway's role as the service drives them, with hosts that say what agents would say.
@Suite struct MoveTests {
    /// Two hosts that are up, with a gateway of one segment on the first.
    private func prepare(_ service: NetworkService) async throws -> (hosts: [ResourceID], gateway: ResourceID) {
        var hosts: [ResourceID] = []
        for number in 1...3 {
            try await service.makeHost(number)
            hosts.append(try await service.get(.host, "h\(number)").id)
        }
        try await service.make(.segment, #"{"name":"s","spec":{"ipam":"automatic"}}"#)
        try await service.make(.attachment, #"{"name":"guest","spec":{"segment":"s","host":"h3"}}"#)
        let gateway = try await service.make(.gateway, #"{"name":"g","spec":{"host":"h1","segments":["s"]}}"#)
        for host in hosts { try await service.renew(host: host) }
        return (hosts, gateway.id)
    }

    private func phase(_ service: NetworkService) async throws -> String {
        try JSONParser.parse(try await service.move(project: "default", "g"))["phase"]?.string ?? ""
    }

    private func waits(_ service: NetworkService) async throws -> String {
        String(decoding: try await service.move(project: "default", "g"), as: UTF8.self)
    }

    /// What the host's feed tells it of the gateway.
    private func told(_ service: NetworkService, _ host: ResourceID) throws -> (GatewayRole, Int, UInt64)? {
        let feed = try #require(HostFeed(host: host, cache: service.cache))
        defer { feed.close() }
        guard case .update(let update) = feed.next() else { return nil }
        return update.gateways.first.map { ($0.role, update.attachments.count, $0.term) }
    }

    /// The host's agent says that it has done what it was told of the gateway.
    private func report(
        _ service: NetworkService, _ id: ResourceID, from host: ResourceID, phase: Report.Phase = .wired
    ) async throws {
        guard let (role, _, term) = try told(service, host) else { return }
        let generation = try await service.get(.gateway, "g").resource.metadata.generation
        _ = try await service.report(
            [
                ReportDraft(
                    kind: .gateway, id: id,
                    report: Report(
                        phase: phase, generation: generation, message: phase == .wired ? nil : "waits for radvd",
                        details: ["role": role.rawValue, "term": "\(term)"]))
            ], from: host)
    }

    @Test func `a role moves to a host when that is ready, and the former one is told to be silent`() async throws {
        try await TestServer.with { server in
            let service = server.service
            let (hosts, gateway) = try await prepare(service)
            _ = try await service.moveGateway(
                project: "default", "g", to: .host(.name(try #require(Name("h2")))), by: administrator)
            #expect(try await phase(service) == "preparing")
            #expect(try await service.get(.gateway, "g").text("spec", "host") == hosts[0].description)
            #expect(try told(service, hosts[0])?.0 == .active)
            let next = try #require(try told(service, hosts[1]))
            #expect(next.0 == .next && next.1 == 1)
            await expectProblem(.conflict, saying: "moving to host 'h2'") {
                _ = try await service.moveGateway(
                    project: "default", "g", to: .host(.name(try #require(Name("h3")))), by: administrator)
            }
            try await report(service, gateway, from: hosts[1], phase: .pending)
            #expect(try await waits(service).contains("waits for radvd"))
            try await report(service, gateway, from: hosts[1])
            #expect(try await phase(service) == "leaving")
            #expect(try await service.get(.gateway, "g").text("spec", "host") == hosts[1].description)
            let active = try #require(try told(service, hosts[1]))
            #expect(active.0 == .active && active.1 == 1 && active.2 == next.2)
            let former = try #require(try told(service, hosts[0]))
            #expect(former.0 == .former && former.1 == 0 && former.2 == next.2)
            try await report(service, gateway, from: hosts[0])
            #expect(try await phase(service) == "settled")
            #expect(try told(service, hosts[0]) == nil)
            try await service.remove(.host, "h1")
        }
    }

    @Test func `a move is undone until it flips, and leaves all as it was`() async throws {
        try await TestServer.with { server in
            let service = server.service
            let (hosts, gateway) = try await prepare(service)
            let before = try told(service, hosts[0])
            let port = try await service.get(.attachment, "gw-g-s").resource
            for _ in 0..<2 {
                _ = try await service.moveGateway(
                    project: "default", "g", to: .host(.id(hosts[1])), by: administrator)
                _ = try await service.cancelMove(project: "default", "g", by: administrator)
                #expect(try await phase(service) == "settled")
                #expect(try told(service, hosts[1]) == nil)
                #expect(try told(service, hosts[0])?.1 == before?.1)
            }
            var after = try await service.get(.attachment, "gw-g-s").resource
            after.metadata = port.metadata
            #expect(after == port)
            await expectProblem(.conflict, saying: "not moving") {
                _ = try await service.cancelMove(project: "default", "g", by: administrator)
            }
            // What an agent said of the undone move does not count for the next.
            _ = try await service.moveGateway(project: "default", "g", to: .host(.id(hosts[1])), by: administrator)
            try await report(service, gateway, from: hosts[1])
            #expect(try await phase(service) == "leaving")
        }
    }

    @Test func `another host in the spec begins a move, and a second server may finish it`() async throws {
        try await TestServer.with { server in
            let service = server.service
            let (hosts, gateway) = try await prepare(service)
            let moved = #"{"name":"g","spec":{"host":"h2","segments":["s"]}}"#
            try await service.put(.gateway, "g", moved)
            #expect(try await phase(service) == "preparing")
            // What says the same again changes nothing; what says otherwise is refused.
            let revision = try await service.get(.gateway, "g").revision
            #expect(try await service.put(.gateway, "g", moved).revision == revision)
            await expectProblem(.conflict, field: "spec.host") {
                try await service.put(.gateway, "g", #"{"name":"g","spec":{"host":"h3","segments":["s"]}}"#)
            }
            let other = server.another()
            try await server.running(other) {
                try await report(other, gateway, from: hosts[1])
                #expect(try await phase(other) == "leaving")
                try await report(other, gateway, from: hosts[0])
                #expect(try await phase(other) == "settled")
            }
        }
    }

    @Test func `a dead host does not keep the role`() async throws {
        var settings = NetworkService.Settings()
        settings.leaseDuration = .seconds(1)
        try await TestServer.with(settings: settings) { server in
            let service = server.service
            let (hosts, gateway) = try await prepare(service)
            _ = try await service.moveGateway(project: "default", "g", to: .host(.id(hosts[1])), by: administrator)
            // h1 never says a word again; h2 renews and is ready.
            try await report(service, gateway, from: hosts[1])
            try await eventually("the role has moved") {
                try await service.renew(host: hosts[1])
                return try await service.get(.gateway, "g").text("spec", "host") == hosts[1].description
            }
            #expect(try await phase(service) == "leaving")
            // When it comes back it hears that it had better be silent.
            #expect(try told(service, hosts[0])?.0 == .former)
        }
    }

    @Test func `a role goes to a guest when every host admits it, and back to a host of KC's`() async throws {
        try await TestServer.with { server in
            let service = server.service
            let (hosts, gateway) = try await prepare(service)
            let guest = try await service.get(.attachment, "guest")
            let segment = try await service.get(.segment, "s").id
            _ = try await service.moveGateway(
                project: "default", "g", to: .attachment(.id(guest.id)), by: administrator)
            _ = try await service.report(
                [ReportDraft(kind: .attachment, id: guest.id, report: Report(phase: .wired, generation: 1))],
                from: hosts[2])
            #expect(try await phase(service) == "preparing")
            func macs() throws -> [MACAddress] {
                let feed = try #require(HostFeed(host: hosts[2], cache: service.cache))
                defer { feed.close() }
                guard case .update(let update) = feed.next() else { return [] }
                return update.segments.first?.gateways ?? []
            }
            let both = try macs()
            #expect(both.count == 2)
            let said = Report(
                phase: .wired, generation: 1, details: ["routers": DesiredSegment.text(ofRouters: both)])
            for host in [hosts[0], hosts[2]] {
                #expect(try await phase(service) == "preparing")
                _ = try await service.report([ReportDraft(kind: .segment, id: segment, report: said)], from: host)
            }
            #expect(try await phase(service) == "leaving")
            #expect(try await service.get(.gateway, "g").text("spec", "type") == "attachment")
            // Until its goodbye is said the former one is let through.
            #expect(try macs().count == 2)
            #expect(try told(service, hosts[0])?.0 == .leaving)
            try await report(service, gateway, from: hosts[0])
            #expect(try await phase(service) == "settled")
            #expect(try macs().count == 1)
            #expect(try await service.list(.attachment, project: "default").items.map(\.name.text) == ["guest"])

            _ = try await service.moveGateway(project: "default", "g", to: .host(.id(hosts[1])), by: administrator)
            try await report(service, gateway, from: hosts[1])
            #expect(try await phase(service) == "preparing")
            let again = Report(
                phase: .wired, generation: 1, details: ["routers": DesiredSegment.text(ofRouters: try macs())])
            for host in [hosts[1], hosts[2]] {
                _ = try await service.report([ReportDraft(kind: .segment, id: segment, report: again)], from: host)
            }
            #expect(try await phase(service) == "settled")
            #expect(try await service.get(.gateway, "g").text("spec", "host") == hosts[1].description)
            try await service.remove(.gateway, "g")
            #expect(try await service.list(.attachment, project: "default").items.map(\.name.text) == ["guest"])
        }
    }
}
