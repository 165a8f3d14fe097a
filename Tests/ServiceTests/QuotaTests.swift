import NetworkModel
import NetworkService
import Persistence
import Resources
import Testing

@Suite struct QuotaTests {
    private func create(_ service: NetworkService, _ kind: Kind, _ json: String) async throws -> Bool {
        do {
            _ = try await service.create(
                kind, project: "small", JSONParser.parse(Array(json.utf8)), by: administrator)
            return true
        } catch let problem as Problem {
            #expect(problem.code == .quotaExceeded, "\(problem)")
            return false
        }
    }

    @Test func `64 clients at two servers get as much as the quota says, and not one more`() async throws {
        try await TestServer.with { server in
            let other = server.another()
            try await server.running(other) {
                try await server.service.make(
                    .project, #"{"name":"small","spec":{"quotas":{"segments":20}}}"#)
                // The other server learns of the project by its watch.
                try await other.await(.consistent)
                let made = try await withThrowingTaskGroup(of: Bool.self) { group in
                    for number in 1...64 {
                        group.addTask {
                            try await create(
                                number % 2 == 0 ? server.service : other, .segment,
                                #"{"name":"s\#(number)","spec":{"ipam":"none"}}"#)
                        }
                    }
                    return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
                }
                #expect(made == 20)
                let shown = try await server.service.list(.segment, project: "small").items
                #expect(shown.count == 20)
                // What is deleted makes room for one.
                _ = try await server.service.delete(
                    .segment, project: "small", shown[0].name.text, by: administrator)
                #expect(try await create(server.service, .segment, #"{"name":"t1","spec":{"ipam":"none"}}"#))
                #expect(try await !create(server.service, .segment, #"{"name":"t2","spec":{"ipam":"none"}}"#))
            }
        }
    }

    @Test func `addresses are counted when an attachment is made and when it changes, and within a batch`() async throws
    {
        try await TestServer.with { server in
            let service = server.service
            try await service.make(
                .project, #"{"name":"small","spec":{"quotas":{"attachments":3,"addresses":3}}}"#)
            #expect(
                try await create(
                    service, .segment, #"{"name":"s","spec":{"ipam":"automatic","prefix":"2001:db8:1:1::/64"}}"#))
            #expect(
                try await create(
                    service, .attachment,
                    #"{"name":"a","spec":{"segment":"s","addresses":["2001:db8:1:1::1","2001:db8:1:1::2"]}}"#))
            let two = #"{"name":"b","spec":{"segment":"s","addresses":["2001:db8:1:1::3","2001:db8:1:1::4"]}}"#
            #expect(try await !create(service, .attachment, two))
            #expect(try await create(service, .attachment, #"{"name":"b","spec":{"segment":"s"}}"#))
            await expectProblem(.quotaExceeded, field: "spec.quotas.addresses") {
                _ = try await service.replace(
                    .attachment, project: "small", "b", JSONParser.parse(Array(two.utf8)), by: administrator)
            }
            let operations = try ["c", "d"].map { name in
                BatchOperation(
                    .attachment, project: "small",
                    .create(try JSONParser.parse(Array(#"{"name":"\#(name)","spec":{"segment":"s"}}"#.utf8))))
            }
            await expectProblem(.quotaExceeded, saying: "operations[1]") {
                _ = try await service.write(operations, by: administrator)
            }
            _ = try await service.write([operations[0]], by: administrator)
        }
    }
}
