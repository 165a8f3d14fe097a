import APIClient
import Logging
import NetworkModel
import NetworkNode
import NetworkPlanning
import NodePorts
import NodePortsTesting
import Resources
import TestLogs
import Testing
import Waiting

@Suite struct ReportingTests {
    let host = Fixture.machine()
    let folder: Folder

    init() throws { folder = try Folder() }

    @Test func `what was said once is not said again`() async throws {
        let api = StandInAPI(Fixture.reset(1, segments: [Fixture.segment(1)], attachments: [Fixture.attachment(1)]))
        let folder = folder
        try await withAgent(host, api, in: folder) {
            try await eventually("wired") { api.report(Attachment.kind, Fixture.attachment(1).id)?.phase == .wired }
            let before = api.received
            let turns = try folder.status("turns").flatMap(Int.init) ?? 0
            try await eventually("several turns") { try folder.status("turns").flatMap(Int.init) ?? 0 > turns + 2 }
            #expect(api.received == before)
        }
    }

    @Test func `what is found while the API is away is said when it is back`() async throws {
        let attachment = Fixture.attachment(1)
        let api = StandInAPI(Fixture.reset(1, segments: [Fixture.segment(1)], attachments: [attachment]))
        let host = host
        try await withAgent(host, api, in: folder) {
            try await eventually("wired") { api.report(Attachment.kind, attachment.id)?.phase == .wired }
            api.goAway()
            host.fail { operation in
                guard case .link(.create(_), in: nil) = operation else { return nil }
                return NodeError(.errno(12), operation: "create", subject: "tap", message: "Cannot allocate memory")
            }
            host.change { $0.removeDevice(attachment.portName, in: nil) }
            try await eventually("gated", { host.dump }) { !host.model.filter.ready.contains(attachment.portName) }
            #expect(api.report(Attachment.kind, attachment.id)?.phase == .wired)
            api.comeBack()
            try await eventually("said") { api.report(Attachment.kind, attachment.id)?.phase == .failed }
            host.fail(nil)
            try await eventually("mended") { api.report(Attachment.kind, attachment.id)?.phase == .wired }
        }
    }

    @Test func `each reason why the API is away is in the log once`() async throws {
        let api = StandInAPI(Fixture.reset(1, segments: [Fixture.segment(1)], attachments: [Fixture.attachment(1)]))
        let book = LogBook(from: .warning)
        let folder = folder
        try await withAgent(host, api, in: folder, logger: Logger(label: "test") { _ in book }) {
            try await eventually("wired") { api.report(Attachment.kind, Fixture.attachment(1).id)?.phase == .wired }
            api.goAway()
            // The stream's end says less than what the next try is told, as by a server that no longer knows the host.
            try await eventually("both", { book.lines.joined(separator: "\n") }) {
                book.lines.contains { $0.contains("the server ended the stream") }
                    && book.lines.contains { $0.contains("nothing listens there") }
            }
            let turns = try folder.status("turns").flatMap(Int.init) ?? 0
            try await eventually("several turns") { try folder.status("turns").flatMap(Int.init) ?? 0 > turns + 2 }
            #expect(book.lines.count { $0.contains("nothing listens there") && $0.contains("data path stays") } == 1)
        }
    }

    @Test func `a refused report does not keep others back`() async throws {
        let (bad, good) = (Fixture.attachment(1), Fixture.attachment(2))
        let api = StandInAPI(Fixture.reset(1, segments: [Fixture.segment(1)], attachments: [bad, good]))
        api.refuse { $0.id == bad.id }
        try await withAgent(host, api, in: folder) {
            try await eventually("said") { api.report(Attachment.kind, good.id)?.phase == .wired }
            #expect(api.report(Attachment.kind, bad.id) == nil)
        }
    }

    @Test func `only the last word is sent, and only when it is news`() {
        var book = ReportBook()
        let subject = ReportSubject(Attachment.kind, Fixture.id(2, 1))
        let pending = Report(phase: .pending, generation: 1)
        let wired = Report(phase: .wired, generation: 1)
        let isNews = book.say(ResourceReport(subject, pending))
        #expect(isNews)
        book.say(ResourceReport(subject, wired))
        let batch = book.take(limit: 10)
        #expect(batch == [ResourceReport(subject, wired)])
        #expect(due(&book) == [])
        book.requeue(batch)
        #expect(due(&book) == batch)
        book.acknowledge(batch)
        let isNewsAgain = book.say(ResourceReport(subject, wired))
        #expect(!isNewsAgain)
        #expect(due(&book) == [])
        // While one is on its way another is said, and said back.
        book.say(ResourceReport(subject, pending))
        let first = book.take(limit: 10)
        book.say(ResourceReport(subject, wired))
        book.acknowledge(first)
        #expect(due(&book) == [ResourceReport(subject, wired)])
        book.say(ResourceReport(subject, nil))
        let last = book.take(limit: 10)
        #expect(last == [ResourceReport(subject, nil)])
        book.acknowledge(last)
        book.forgetAcknowledgements()
        #expect(due(&book) == [], "nothing is left to say of what is gone")
    }

    private func due(_ book: inout ReportBook) -> [ResourceReport] { book.take(limit: 10) }
}
