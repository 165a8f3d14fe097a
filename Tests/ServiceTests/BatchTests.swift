import NetworkModel
import NetworkService
import Persistence
import Resources
import SQLiteStore
import Testing

@Suite(.serialized) struct BatchTests {
    private func create(_ kind: Kind, _ json: String) throws -> BatchOperation {
        BatchOperation(
            kind, project: kind.name.isInProject ? "default" : nil, .create(try JSONParser.parse(Array(json.utf8))))
    }

    private func attachments(_ range: Range<Int>, _ prefix: String = "a") throws -> [BatchOperation] {
        try range.map { try create(.attachment, #"{"name":"\#(prefix)\#($0)","spec":{"segment":"m"}}"#) }
    }

    /// nil when it was done.
    private func problem(of operations: [BatchOperation], _ service: NetworkService) async throws -> Problem? {
        do throws(Problem) {
            _ = try await service.write(operations, by: administrator)
            return nil
        } catch { return error }
    }

    @Test func `operations see what those before them did, and all of it is one revision`() async throws {
        try await TestServer.with { server in
            try await server.service.makeHost(1)
            try await server.service.make(.segment, #"{"name":"old","spec":{"ipam":"manual","vni":77}}"#)
            let before = try await server.store.currentRevision()
            let written = try await server.service.write(
                [
                    try create(.project, #"{"name":"lab"}"#.replacing("}", with: #","spec":{}}"#)),
                    try create(.segment, #"{"name":"m","spec":{"ipam":"manual"}}"#),
                    try create(.attachment, #"{"name":"a","spec":{"segment":"m","host":"h1"}}"#),
                    try create(.gateway, #"{"name":"g","spec":{"host":"h1","segments":["m"]}}"#),
                    BatchOperation(.segment, project: "default", .delete(item: "old", expecting: nil)),
                    try create(.segment, #"{"name":"old","spec":{"ipam":"none","vni":77}}"#),
                    BatchOperation(
                        .segment, project: "lab",
                        .create(try JSONParser.parse(Array(#"{"name":"m","spec":{"ipam":"none"}}"#.utf8)))),
                ], by: administrator)
            #expect(written.revision.value == before.value + 1)
            #expect(written.results.map(\.name.text) == ["lab", "m", "a", "g", "old", "old", "m"])
            #expect(written.results.map(\.isGone) == [false, false, false, false, true, false, false])
            let segment = try await server.service.get(.segment, "m")
            #expect(try await server.service.get(.attachment, "a").text("spec", "segment") == segment.id.description)
            #expect(try await server.service.get(.segment, "old").text("status", "vni") == "77")
            #expect(try await server.service.find(.segment, project: "lab", "m").revision == written.revision)
            // What the cache took over from the plan is what another server reads from the store.
            let other = server.another()
            try await server.running(other) {
                for (kind, name) in [(Kind.segment, "m"), (.attachment, "a"), (.gateway, "g"), (.segment, "old")] {
                    let shown = try await server.service.get(kind, name).resource
                    let stored = try await other.get(kind, name).resource
                    #expect(shown == stored, "\(name)")
                }
            }
        }
    }

    @Test func `one operation of a hundred that is wrong leaves nothing, and gives back what was taken`() async throws {
        try await TestServer.with { server in
            try await server.service.make(.segment, #"{"name":"m","spec":{"ipam":"manual"}}"#)
            try await server.service.make(.attachment, #"{"name":"taken","spec":{"segment":"m"}}"#)
            let before = try await server.store.currentRevision()
            for (wrong, code, field) in [
                (
                    #"{"name":"x","spec":{"segment":"nope"}}"#, Problem.Code.invalidField,
                    "operations[56].document.spec.segment"
                ),
                (#"{"name":"x","spec":{}}"#, .invalidField, "operations[56].document.spec.segment"),
                (#"{"name":"taken","spec":{"segment":"m"}}"#, .nameTaken, "operations[56].document.name"),
                (#"{"name":"a3","spec":{"segment":"m"}}"#, .nameTaken, "operations[56].document.name"),
            ] {
                var operations = try attachments(0..<100)
                operations[56] = try create(.attachment, wrong)
                let error = try #require(try await problem(of: operations, server.service))
                #expect(error.code == code && error.field == field, "\(error)")
                #expect(error.operations.map(\.index) == [56] && error.detail.contains("operations[56]"))
                #expect(error.detail.contains("nothing was written"))
                #expect(try await server.store.currentRevision() == before)
                #expect(server.service.cache.counts[.attachment] == 1)
            }
            // Twenty are told at most, and those behind the first are found as well.
            var operations = try attachments(0..<100)
            for index in stride(from: 1, to: 100, by: 2) {
                operations[index] = try create(.attachment, #"{"name":"w\#(index)","spec":{"segment":"nope"}}"#)
            }
            let error = try await problem(of: operations, server.service)
            #expect(error?.operations.map(\.index) == Array(stride(from: 1, to: 41, by: 2)))
            let written = try await server.service.write(try attachments(0..<100), by: administrator)
            #expect(written.results.count == 100)
            #expect(server.service.cache.counts[.attachment] == 101)
        }
    }

    @Test func `a pool that a failed batch emptied is full again`() async throws {
        try await TestServer.with { server in
            try await server.service.put(.pool, "vni", #"{"name":"vni","spec":{"type":"vni","from":1,"to":5}}"#)
            func segments(_ count: Int) throws -> [BatchOperation] {
                try (0..<count).map { try create(.segment, #"{"name":"s\#($0)","spec":{"ipam":"none"}}"#) }
            }
            await expectProblem(.poolExhausted, field: "operations[5].document.spec.vni") {
                _ = try await server.service.write(try segments(6), by: administrator)
            }
            _ = try await server.service.write(try segments(5), by: administrator)
            #expect(server.service.cache.counts[.segment] == 5)
        }
    }

    @Test func `too many operations, none, and one resource twice are refused`() async throws {
        try await TestServer.with { server in
            try await server.service.make(.segment, #"{"name":"m","spec":{"ipam":"manual"}}"#)
            await expectProblem(.tooLarge, field: "operations") {
                _ = try await server.service.write(try attachments(0..<1001), by: administrator)
            }
            await expectProblem(.invalidField, field: "operations") {
                _ = try await server.service.write([], by: administrator)
            }
            let update = BatchOperation(
                .segment, project: "default",
                .update(
                    item: "m",
                    try JSONParser.parse(Array(#"{"name":"m","labels":{"a":"b"},"spec":{"ipam":"manual"}}"#.utf8)),
                    expecting: nil))
            await expectProblem(.invalidField, field: "operations[1].item") {
                _ = try await server.service.write([update, update], by: administrator)
            }
            let stale = BatchOperation(.segment, project: "default", .delete(item: "m", expecting: Revision(1)))
            await expectProblem(.preconditionFailed) {
                _ = try await server.service.write(try attachments(0..<1) + [stale], by: administrator)
            }
            #expect(server.service.cache.counts[.attachment] ?? 0 == 0)
        }
    }

    @Test func `batches at two servers and single writers between them never share a MAC, an address or a name`()
        async throws
    {
        try await TestServer.with { server in
            let other = server.another()
            try await server.running(other) {
                let services = [server.service, other]
                try await server.service.make(.segment, #"{"name":"m","spec":{"ipam":"manual"}}"#)
                try await other.cache.wait(for: server.service.cache.revision)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for writer in 0..<8 {
                        group.addTask {
                            for round in 0..<5 {
                                _ = try await services[writer % 2].write(
                                    try attachments(0..<100, "b\(writer)-\(round)-"), by: administrator)
                            }
                        }
                        group.addTask {
                            for number in 0..<50 {
                                try await services[writer % 2].make(
                                    .attachment, #"{"name":"s\#(writer)-\#(number)","spec":{"segment":"m"}}"#)
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
                    #expect(items.count == 4400 && Set(items.map(\.name)).count == 4400)
                    let attachments = items.compactMap { item -> Resource<NetworkModel.Attachment>? in
                        if case .attachment(let resource) = item.resource { resource } else { nil }
                    }
                    #expect(Set(attachments.map(\.assigned.mac)).count == 4400)
                    #expect(Set(attachments.flatMap { $0.assigned.addresses.map(\.value) }).count == 4400)
                }
            }
        }
    }
}
