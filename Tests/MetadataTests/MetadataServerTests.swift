import Addressing
import ComputeModel
import DaemonConfigs
import Foundation
import GuestProxy
import Logging
import Metadata
import NIOCore
import NIOPosix
import Resources
import Synchronization
import Testing
import Waiting

/// The metadata service at its socket, with a directory in memory; connections begin with what a gateway's proxy writes.
@Suite struct MetadataServerTests {
    private static let near = ResourceID("00000000-0000-4000-8000-000000000001")!
    private static let far = ResourceID("00000000-0000-4000-8000-000000000002")!
    private static let given = ResourceID("00000000-0000-4000-8000-000000000003")!
    private static let stranger = ResourceID("00000000-0000-4000-8000-000000000009")!

    /// Who is known, and whether it can be asked.
    private final class Directory: GuestDirectory {
        let isAway = Mutex(false)
        let questions = Mutex(0)

        func facts(of attachment: ResourceID) async throws(GuestDirectoryError) -> GuestFacts {
            questions.withLock { $0 += 1 }
            if isAway.withLock({ $0 }) { throw .unavailable("nobody answers") }
            let names = [near: "near", far: "far", given: "given"]
            guard let name = names[attachment].flatMap({ Name($0) }) else { throw .absent }
            return GuestFacts(
                project: attachment, guest: GuestOrder(instance: attachment, hostname: name, userData: "of \(name)"),
                interfaces: [], isLasting: attachment != given)
        }
    }

    private func running(_ body: (String, Directory) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/kc-metadata-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        // What cannot be removed stays in the system's temporary folder.
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let directory = Directory()
        let socket = folder + "/socket"
        var quiet = Logger(label: "test")
        quiet.logLevel = .critical
        let server = MetadataServer(socket: socket, directory: directory, patience: .seconds(4), logger: quiet)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await server.run() }
            try await eventually("it listens") { FileManager.default.fileExists(atPath: socket) }
            try await body(socket, directory)
            tasks.cancelAll()
        }
    }

    private static func preamble(_ attachment: ResourceID) throws -> [UInt8] {
        let id = try #require(GuestProxyConfiguration.Identifier(attachment.description))
        return ProxyHeader.guest(
            source: try IPv6Address(parsing: "fe80::5"), port: 4000, destination: try IPv6Address(parsing: "fe80::1"),
            destinationPort: 80, attachment: id, service: id
        ).bytes
    }

    private static func request(_ path: String, _ method: String = "GET", _ fields: String = "") -> [UInt8] {
        Array("\(method) \(path) HTTP/1.1\r\nHost: metadata\r\n\(fields)\r\n".utf8)
    }

    /// Everything that comes back on one connection; `pieces` are sent one after the other.
    private func say(_ socket: String, _ pieces: [[UInt8]]) async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(unixDomainSocketPath: socket) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            // It may answer, and close, before all is said.
            for piece in pieces { try? await outbound.write(ByteBuffer(bytes: piece)) }
            var answer: [UInt8] = []
            do { for try await bytes in inbound { answer += bytes.readableBytesView } } catch {}
            return String(decoding: answer, as: UTF8.self)
        }
    }

    private func ask(_ socket: String, _ attachment: ResourceID, _ path: String) async throws -> String {
        try await say(socket, [try Self.preamble(attachment) + Self.request(path)])
    }

    @Test func `each guest is told of itself, two at once too, and a stranger nothing`() async throws {
        try await running { socket, _ in
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for (id, name) in [(Self.near, "near"), (Self.far, "far")] {
                    for path in ["/latest/meta-data/hostname", "/nocloud/user-data", "/latest/user-data"] {
                        tasks.addTask {
                            let answer = try await ask(socket, id, path)
                            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.hasSuffix(name), "\(answer)")
                            #expect(answer.contains("Cache-Control: no-store\r\n"))
                        }
                    }
                }
                try await tasks.waitForAll()
            }
            let answer = try await ask(socket, Self.stranger, "/nocloud/meta-data")
            #expect(answer.hasPrefix("HTTP/1.1 404 ") && !answer.contains("of "), "\(answer)")
            #expect(try await ask(socket, Self.near, "/nothing").hasPrefix("HTTP/1.1 404 "))
        }
    }

    @Test func `a header that a guest sends is none`() async throws {
        try await running { socket, directory in
            // Its own comes first, whatever it says then.
            let forged = try Self.preamble(Self.near) + Self.preamble(Self.far) + Self.request("/latest/user-data")
            let answer = try await say(socket, [forged])
            #expect(answer.hasPrefix("HTTP/1.1 400 ") && !answer.contains("of far"), "\(answer)")
            let fields = "KC-Attachment: \(Self.far)\r\nX-Instance-ID: \(Self.far)\r\n"
            let honest = try await say(
                socket, [try Self.preamble(Self.near) + Self.request("/latest/user-data", "GET", fields)])
            #expect(honest.hasSuffix("of near"), "\(honest)")
            // Without a proxy's there is no answer.
            for bytes in [
                Self.request("/latest/user-data"), ProxyHeader.local.bytes + Self.request("/latest/user-data"),
                Array(repeating: 0x0d, count: 64), try Self.preamble(Self.near).dropLast(40) + Self.request("/"),
            ] {
                #expect(try await say(socket, [bytes]).isEmpty)
            }
            #expect(directory.questions.withLock { $0 } == 1)
        }
    }

    @Test func `what comes in crumbs is read, what has a body, a long head or another's trace is not`() async throws {
        try await running { socket, _ in
            let whole = try Self.preamble(Self.near) + Self.request("/latest/user-data?x=1")
            #expect(try await say(socket, whole.map { [$0] }).hasSuffix("of near"))
            let front = try Self.preamble(Self.near)
            let megabyte = [UInt8](repeating: 0x61, count: 1 << 20)
            for (status, pieces) in [
                (
                    413,
                    [front + Self.request("/latest/user-data", "GET", "Content-Length: 10485760\r\n")]
                        + Array(repeating: megabyte, count: 10)
                ),
                (413, [front + Self.request("/", "GET", "Transfer-Encoding: chunked\r\n")]),
                (431, [front + Self.request("/", "GET", "A: \(String(repeating: "a", count: 9000))\r\n")]),
                (431, [front + Array("GET /".utf8)] + Array(repeating: megabyte, count: 10)),
                (431, [front + Self.request("/", "GET", String(repeating: "A: b\r\n", count: 70))]),
                (403, [front + Self.request("/latest/user-data", "GET", "X-Forwarded-For: fe80::5\r\n")]),
                (400, [front + Array("GET / HTTP/1.1\nHost: a\n\n\r\n\r\n".utf8)]),
                (400, [front + Array("GET http://metadata/ HTTP/1.1\r\n\r\n".utf8)]),
                (400, [front + Array("GET /\u{e9} HTTP/1.1\r\n\r\n".utf8)]),
                (400, [front + Array("GET / HTTP/1.1\r\nHost : a\r\n\r\n".utf8)]),
                (400, [front + Array("GET / HTTP/2\r\n\r\n".utf8)]),
                (405, [front + Self.request("/latest/user-data", "POST")]),
                (405, [front + Self.request("/latest/user-data", "PUT")]),
                (400, [front + Self.request("/latest/api/token", "PUT")]),
            ] as [(Int, [[UInt8]])] {
                let answer = try await say(socket, pieces)
                #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(status): \(answer.prefix(200))")
            }
            let token = try await say(
                socket,
                [front + Self.request("/latest/api/token", "PUT", "X-aws-ec2-metadata-token-ttl-seconds: 60\r\n")])
            #expect(token.hasPrefix("HTTP/1.1 200 "), "\(token)")
            let head = try await say(socket, [front + Self.request("/latest/user-data", "HEAD")])
            #expect(head.contains("Content-Length: 7\r\n") && head.hasSuffix("\r\n\r\n"), "\(head)")
        }
    }

    @Test func `while nobody can be asked a guest boots as before, unless its attachment may be another's by now`()
        async throws
    {
        let directory = Directory()
        let book = GuestBook(directory, freshness: .zero)
        for id in [Self.near, Self.given] { _ = try await book.facts(of: id) }
        directory.isAway.withLock { $0 = true }
        #expect(try await book.facts(of: Self.near).guest.hostname.text == "near")
        for id in [Self.given, Self.far] {
            await #expect { try await book.facts(of: id) } throws: { ($0 as? Refusal)?.status == 503 }
        }
        directory.isAway.withLock { $0 = false }
        #expect(try await book.facts(of: Self.given).guest.hostname.text == "given")
    }

    @Test func `one boot asks once, and what is kept is bounded`() async throws {
        let directory = Directory()
        let book = GuestBook(directory, maximumSize: 4096, freshness: .seconds(60))
        for _ in 0..<20 { _ = try await book.facts(of: Self.near) }
        #expect(directory.questions.withLock { $0 } == 1)
        for number in 0..<50 {
            let id = try #require(ResourceID("00000000-0000-4000-8000-0000000001\(number + 10)"))
            await #expect(throws: Refusal.self) { try await book.facts(of: id) }
        }
        _ = try await book.facts(of: Self.near)
        #expect(directory.questions.withLock { $0 } == 52, "the oldest was forgotten")
    }

    @Test func `a guest that asks without an end is held to a pace, another is not`() {
        var pace = GuestPace()
        let begin = ContinuousClock.now
        func admitted(of attachment: ResourceID, after wait: Duration) -> Int {
            var count = 0
            for _ in 0..<1000 where pace.admits(attachment, at: begin + wait) { count += 1 }
            return count
        }
        let counts = [Duration.zero, .seconds(1), .seconds(3600)].map { admitted(of: Self.near, after: $0) }
        #expect(counts == [Int(GuestPace.burst), Int(GuestPace.perSecond), Int(GuestPace.burst)])
        #expect(admitted(of: Self.far, after: .seconds(3600)) == Int(GuestPace.burst))
    }
}
