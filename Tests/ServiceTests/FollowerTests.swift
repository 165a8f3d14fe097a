import NetworkService
import Testing

/// Who reads the cache's changes, and goes without a word.
@Suite struct FollowerTests {
    @Test(.timeLimit(.minutes(1))) func `a reader that is only let go is forgotten`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await service.makeHost(1)
            let host = try await service.get(.host, "h1").id
            var signals = [ChangeFollower(cache: service.cache).signal]
            signals.append(try #require(HostFeed(host: host, cache: service.cache)).signal)
            // Neither ends as long as the cache keeps the other side of it.
            for signal in signals { for await _ in signal {} }
        }
    }
}
