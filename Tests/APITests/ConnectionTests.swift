import Foundation
import Glibc
import HTTPAPI
import HTTPServing
import Persistence
import SeededRandomness
import Testing
import Waiting

/// How many connections one address, one user and all together may have.
@Suite(.serialized) struct ConnectionTests {
    @Test func `counts are right whatever comes, is let in and goes`() throws {
        var random = SeededGenerator(printedFor: "connection counts")
        let limits = ConnectionLimits(all: 40, perNetwork: 8)
        let counts = ConnectionCounts(limits)
        let peers: [CheckedRequest.Peer] =
            (0..<12).map { .tcp("2001:db8:0:\($0 / 2)::\($0)") } + [.tcp("192.0.2.1"), .tcp("::ffff:192.0.2.1")]
            + [.unix(userID: 0), .unix(userID: 1000), .tcp("::1")]
        var open: [(peer: CheckedRequest.Peer, place: ConnectionPlace, isLetIn: Bool)] = []
        var known: Set<String> = []
        var refused = 0
        for _ in 0..<2000 {
            let peer = try #require(peers.randomElement(using: &random))
            let here = open.filter { $0.peer.network == peer.network }
            let strangers = open.filter { !$0.isLetIn }.count
            let isOwn = [CheckedRequest.Peer.unix(userID: 0), .tcp("::1")].contains(peer)
            var expected: ConnectionCounts.Refusal?
            if !isOwn, here.count >= 8 || here.filter({ !$0.isLetIn }).count >= 2 {
                expected = .network(peer.network)
            } else if open.count >= 40 || strangers >= 30 && !known.contains(peer.network) {
                expected = .all
            }
            do throws(ConnectionCounts.Refusal) {
                open.append((peer, try counts.open(peer), false))
                #expect(expected == nil)
            } catch {
                #expect(error == expected)
                refused += 1
            }
            if !open.isEmpty, random.chance(60) {
                let index = Int.random(in: open.indices, using: &random)
                open[index].place.letIn()
                open[index].isLetIn = true
                known.insert(open[index].peer.network)
            }
            // It fills up and empties again.
            while !open.isEmpty, random.chance(open.count * 2) {
                let gone = open.remove(at: Int.random(in: open.indices, using: &random))
                gone.place.close()
                gone.place.close()
                gone.place.letIn()
            }
            #expect(counts.totals.open == open.count)
            #expect(counts.totals.strangers == open.filter { !$0.isLetIn }.count)
        }
        #expect(refused > 100)
        for connection in open { connection.place.close() }
        #expect(counts.totals.open == 0 && counts.totals.strangers == 0)
        #expect(counts.totals.refusedByNetwork + counts.totals.refusedInAll == refused)
    }

    @Test func `who has too many connections is told so, and nobody else is`() async throws {
        let limits = ConnectionLimits(all: 64, perNetwork: 16, countsOwnMachine: true)
        try await LiveServer.with(connections: limits, host: "127.0.0.1") { server in
            func ask(_ last: String, _ options: [String] = []) async throws -> Reply {
                try await server.anonymous("GET", "/healthz", options: ["--interface", last] + options)
            }
            func metric(_ line: String) async throws -> Bool {
                try await server.curl("GET", "/metrics").body.contains(line)
            }
            // Four say nothing; the fifth of that address is told why, in clear and in TLS, and at once.
            var idle = try (0..<4).map { _ in try KeptConnection(server.port, from: "127.0.0.5") }
            try await eventually("four strangers") {
                try await metric(#"kc_connections{transport="tcp",who="stranger"} 4"#)
            }
            let refused = try await ask("127.0.0.5")
            #expect(refused.status == 429 && refused.problem == "rate-limited", "\(refused.body)")
            #expect(refused.headers["retry-after"] == "5" && refused.headers["connection"] == "close")
            #expect(refused.text("detail")?.contains("127.0.0.5") == true)
            let start = ContinuousClock.now
            let encrypted = Curl(base: server.encrypted.url, options: ["-k"])
            // 35: no TLS came about.
            #expect(try await encrypted("GET", "/healthz", options: ["--interface", "127.0.0.5"]).exitCode == 35)
            #expect(start.duration(to: .now) < .seconds(3))
            #expect(try await metric(#"kc_connections_refused_total{transport="tcp",limit="address"} 2"#))
            // Another address has its own.
            #expect(try await ask("127.0.0.6").status == 200)
            #expect(try await encrypted("GET", "/healthz", options: ["--interface", "127.0.0.6"]).status == 200)
            // With a credential an address has sixteen.
            var letIn: [KeptConnection] = []
            for _ in 0..<16 {
                let connection = try KeptConnection(server.port, from: "127.0.0.7")
                #expect(try await connection.get("/v1/whoami", token: server.token).status == 200)
                letIn.append(connection)
            }
            #expect(try await ask("127.0.0.7").status == 429)
            #expect(try await metric(#"kc_connections{transport="tcp",who="let-in"} 16"#))
            // What ends makes room.
            idle.removeLast()
            try await eventually("room again") { try await ask("127.0.0.5").status == 200 }
            letIn.removeLast()
            try await eventually("room for who was let in") { try await ask("127.0.0.7").status == 200 }
            // Strangers from everywhere take three quarters; who was let in from his address before has the rest.
            for number in 20..<80 { idle.append(try KeptConnection(server.port, from: "127.0.1.\(number)")) }
            try await eventually("three quarters") {
                try await metric(#"kc_connections{transport="tcp",who="stranger"} 48"#)
            }
            #expect(try await ask("127.0.0.6").status == 503)
            #expect(try await ask("127.0.0.7").status == 200)
        }
    }
}
