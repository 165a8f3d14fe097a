import HTTPServing
import NetworkModel
import NetworkService
import Resources

/// Tells one host's agent what it must realise.
struct DesiredStream: Sendable {
    let service: NetworkService
    let host: ResourceID
    /// What the agent reads.
    let format: HostUpdateFormat

    func source() throws(Problem) -> EventSource {
        guard let feed = HostFeed(host: host, cache: service.cache) else {
            throw Problem(.notFound, "there is no host \(host)")
        }
        return { writer in
            defer { feed.close() }
            try await run(feed, &writer)
        }
    }

    private func run(_ feed: HostFeed, _ writer: inout EventWriter) async throws {
        var told = Revision.zero
        try await withTicks(
            every: .seconds(1), { feed.poke() },
            while: {
                for await _ in feed.signal {
                    switch feed.next() {
                    case .ended: return
                    case .update(let update):
                        told = update.revision
                        try await writer.event("state", id: told, data: update.json(format))
                        try await writer.flush()
                    case .nothing(let revision):
                        // At most once a tick, and only when nothing else told the revision.
                        if revision > told, writer.lastWrite.duration(to: .now) >= .milliseconds(900) {
                            told = revision
                            try await writer.event("state", id: told, data: HostUpdate(revision: told).json)
                            try await writer.flush()
                        }
                    }
                    try await writer.keepAlive()
                }
            })
    }
}
