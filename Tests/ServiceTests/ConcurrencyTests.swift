import Addressing
import NetworkModel
import NetworkService
import Persistence
import Resources
import SQLiteStore
import Synchronization
import Testing

@Suite(.serialized) struct ConcurrencyTests {
    @Test func `10,000 attachments by 64 clients at two servers never share a MAC, an address or a name`() async throws
    {
        try await TestServer.with { server in
            let other = server.another()
            try await server.running(other) {
                let services = [server.service, other]
                try await server.service.make(.segment, #"{"name":"m","spec":{"ipam":"manual"}}"#)
                try await other.cache.wait(for: server.service.cache.revision)
                let next = Counter()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for client in 0..<64 {
                        group.addTask {
                            while true {
                                let number = next.increment() - 1
                                guard number < 10_000 else { return }
                                try await services[client % 2].make(
                                    .attachment, #"{"name":"a\#(number)","spec":{"segment":"m"}}"#)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                for service in services {
                    try await service.cache.wait(for: try await server.store.currentRevision())
                    var items: [Item] = []
                    var after: OrderKey?
                    repeat {
                        let page = try await service.list(.attachment, project: "default", after: after, limit: 1000)
                        items += page.items
                        after = page.next
                    } while after != nil
                    #expect(items.count == 10_000)
                    #expect(Set(items.map(\.name)).count == 10_000)
                    let attachments = items.compactMap { item -> Resource<NetworkModel.Attachment>? in
                        if case .attachment(let resource) = item.resource { resource } else { nil }
                    }
                    #expect(Set(attachments.map(\.assigned.mac)).count == 10_000)
                    #expect(Set(attachments.flatMap { $0.assigned.addresses.map(\.value) }).count == 10_000)
                }
            }
        }
    }

    @Test func `segments made at once at two servers never share a VNI or a prefix`() async throws {
        try await TestServer.with { server in
            let other = server.another()
            try await server.running(other) {
                let services = [server.service, other]
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<300 {
                        group.addTask {
                            try await services[number % 2].make(
                                .segment, #"{"name":"s\#(number)","spec":{"ipam":"manual"}}"#)
                        }
                    }
                    try await group.waitForAll()
                }
                try await other.cache.wait(for: try await server.store.currentRevision())
                let items = try await other.list(.segment, project: "default", limit: 1000).items
                #expect(items.count == 300)
                let vnis = try items.map { try $0.text("status", "vni") }
                let prefixes = try items.map { try $0.text("status", "prefix") }
                #expect(Set(vnis).count == 300)
                #expect(Set(prefixes).count == 300)
            }
        }
    }

    @Test func `of many who want one name or one VNI, one gets it`() async throws {
        try await TestServer.with { server in
            let other = server.another()
            try await server.running(other) {
                let services = [server.service, other]
                for body in [
                    #"{"name":"x","spec":{"ipam":"none"}}"#, #"{"name":"NAME","spec":{"ipam":"none","vni":99}}"#,
                ] {
                    let won = Counter()
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for number in 0..<32 {
                            group.addTask {
                                do {
                                    try await services[number % 2].make(
                                        .segment, body.replacing("NAME", with: "v\(number)"))
                                    _ = won.increment()
                                } catch let problem as Problem {
                                    #expect([.nameTaken, .vniTaken].contains(problem.code), "\(problem)")
                                }
                            }
                        }
                        try await group.waitForAll()
                    }
                    #expect(won.value == 1)
                }
            }
        }
    }

    @Test func `no attachment outlives its segment, whoever is faster at which server`() async throws {
        try await TestServer.with { server in
            let other = server.another()
            try await server.running(other) {
                for round in 0..<40 {
                    let segment = try await server.service.make(
                        .segment, #"{"name":"s\#(round)","spec":{"ipam":"none"}}"#)
                    try await other.cache.wait(for: segment.revision)
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask {
                            do { try await server.service.remove(.segment, "s\(round)") } catch let problem as Problem {
                                #expect(problem.code == .inUse, "\(problem)")
                            }
                        }
                        group.addTask {
                            do {
                                try await other.make(
                                    .attachment, #"{"name":"a\#(round)","spec":{"segment":"s\#(round)"}}"#)
                            } catch let problem as Problem {
                                #expect(problem.field == "spec.segment", "\(problem)")
                            }
                        }
                        try await group.waitForAll()
                    }
                    try await server.service.cache.wait(for: try await server.store.currentRevision())
                    let hasSegment = server.service.cache.item(.segment, segment.id) != nil
                    let names = try await server.service.list(.attachment, project: "default").items.map(\.name.text)
                    #expect(hasSegment == names.contains("a\(round)"))
                }
            }
        }
    }

    @Test func `a reader elsewhere sees a write by its revision, and every write when it asks for consistency`()
        async throws
    {
        try await TestServer.with { server in
            let other = server.another()
            try await server.running(other) {
                for number in 0..<50 {
                    let item = try await server.service.make(
                        .segment, #"{"name":"s\#(number)","spec":{"ipam":"none"}}"#)
                    try await other.await(number % 2 == 0 ? .revision(item.revision) : .consistent)
                    #expect(other.cache.item(.segment, item.id) != nil)
                }
                // A revision that changed nothing of the network arrives as well.
                let outcome = try await server.store.commit(
                    StoreTransaction(changes: [.put(StoreKey("/kc/auth/x"), [])]))
                guard case .committed(let revision) = outcome else {
                    Issue.record("not committed")
                    return
                }
                try await other.await(.revision(revision))
                try await other.await(.consistent)
                await expectProblem(.invalidField, field: "minRevision") {
                    try await other.await(.revision(Revision(revision.value + 1000)))
                }
            }
        }
    }

    @Test func `a cache that was cut off lists again and is whole`() async throws {
        var options = SQLiteStoreOptions()
        options.watchBufferBytes = 4096
        options.keptRevisions = 20
        try await TestServer.with(options: options) { server in
            let text = String(repeating: "x", count: 3000)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        try await server.service.make(
                            .segment, #"{"name":"s\#(number)","annotations":{"a":"\#(text)"},"spec":{"ipam":"none"}}"#)
                        if number % 3 == 0 { try await server.service.remove(.segment, "s\(number)") }
                    }
                }
                // A write may be acknowledged before a cache that was cut off shows it.
                while let result = await group.nextResult() {
                    if case .failure(let error) = result, !(error is ExpectationFailedError), !(error is Problem) {
                        throw error
                    }
                }
            }
            try await server.service.await(.consistent)
            let stored = try await server.store.list(StoreKey("/kc/net/w/r/segments/"), after: nil, limit: 1000)
            let shown = try await server.service.list(.segment, project: "default", limit: 1000).items
            #expect(Set(shown.map(\.id.description)) == Set(stored.entries.map { String($0.key.text.suffix(36)) }))
            #expect(shown.map(\.revision).max() == stored.entries.map(\.modified).max())
        }
    }
}

private final class Counter: Sendable {
    private let count = Mutex(0)

    func increment() -> Int {
        count.withLock {
            $0 += 1
            return $0
        }
    }

    var value: Int { count.withLock { $0 } }
}
