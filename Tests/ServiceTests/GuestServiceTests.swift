import NetworkModel
import NetworkService
import Resources
import Testing

/// Services of gateways: who may have which, and what the gateway's host is told.
@Suite struct GuestServiceTests {
    private func offering(_ server: TestServer) async throws -> FeedTests.Agent {
        let service = server.service
        try await service.make(
            .host, #"{"name":"g1","spec":{"vtep":"2001:db8:ff::9","interface":"eth0","roles":["gateway"]}}"#)
        try await service.make(.segment, #"{"name":"m","spec":{"ipam":"automatic"}}"#)
        try await service.make(.gateway, #"{"name":"g","spec":{"host":"g1","segments":["m"]}}"#)
        let id = try await service.get(.host, "g1").id
        return FeedTests.Agent(feed: try #require(HostFeed(host: id, cache: service.cache)))
    }

    private func draft(_ name: String, port: Int = 80, consumer: String = "unix:/run/kc/services/who") -> String {
        #"{"name":"\#(name)","spec":{"gateway":"g","port":\#(port),"consumer":"\#(consumer)"}}"#
    }

    @Test func `the gateway's host is told of each service, of its changes and its end`() async throws {
        try await TestServer.with { server in
            let service = server.service
            var agent = try await offering(server)
            func told() throws -> [DesiredService] {
                try agent.catchUp()
                return try #require(agent.snapshot?.gateways.values.first).services
            }
            #expect(try told() == [])
            try await service.make(.service, draft("who"))
            #expect(try told().map(\.consumer.description) == ["unix:/run/kc/services/who"])
            try await service.put(.service, "who", draft("who", port: 8080, consumer: "http://[2001:db8::80]:1"))
            #expect(try told().map(\.port) == [8080])
            #expect(try told().map(\.consumer.description) == ["http://[2001:db8::80]:1"])
            // The port that it had is free.
            try await service.make(.service, draft("other"))
            #expect(try Set(told().map(\.port)) == [80, 8080])
            await #expect(throws: Problem.self) { try await service.remove(.gateway, "g") }
            try await service.remove(.service, "who")
            try await service.remove(.service, "other")
            #expect(try told() == [])
            try await service.remove(.gateway, "g")
        }
    }

    @Test func `a port is one service's, and a consumer is none of the machine's other sockets nor of the underlay`()
        async throws
    {
        try await TestServer.with { server in
            let service = server.service
            _ = try await offering(server)
            try await service.make(.service, draft("who"))
            await #expect(throws: Problem.self) { try await service.make(.service, draft("again")) }
            for port in [0, 53, 547, 65536] {
                await #expect(throws: Problem.self) { try await service.make(.service, draft("x", port: port)) }
            }
            for consumer in [
                "unix:/run/docker.sock", "unix:/run/kc/services/../api.sock", "unix:/run/kc/services/",
                "unix:/run/kc/services/.hidden", "unix:/run/kc/services/a b", #"unix:/run/kc/services/a\nlisten x"#,
                "http://[2001:db8:ff::9]:80", "http://[::1]:80", "http://[fe80::1]:80", "http://example.org:80",
                "http://[2001:db8::1]", "http://[2001:db8::1]:0", "https://[2001:db8::1]:443",
            ] {
                await #expect(throws: Problem.self, "\(consumer)") {
                    try await service.make(.service, draft("x", port: 81, consumer: consumer))
                }
            }
        }
    }
}
