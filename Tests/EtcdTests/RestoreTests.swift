import EtcdStore
import Foundation
import Persistence
import Resources
import StoreContract
import TestNamespaces
import Testing
import Waiting

/// What the operator guide says of restores: members of their own, with what a snapshot held, and servers that never ran.
@Suite struct RestoreTests {
    @Test func `nobody takes what comes after a restore for what was before it`() async throws {
        try await TestEtcd.with(count: 3) { etcd in
            let (kept, last, changed) = try await lose(etcd)
            let said = try Self.kcd(["restore", "--store", "etcd"] + etcd.members.flatMap { ["--etcd", $0.client] })
            let beginning = try #require(
                said.split(whereSeparator: { !$0.isNumber }).last.flatMap { UInt64($0) }, "\(said)")
            #expect(beginning > last)
            let servers = try (10..<12).map { try Server($0, etcd) }
            defer { for server in servers { server.kill9() } }
            for server in servers { try await server.serves() }
            #expect(servers[0].ask("GET", "/v1/projects/kept").status == 200)
            #expect(servers[1].ask("GET", "/v1/projects/lost0").status == 404)
            // As many changes as were lost, and more: etcd's own numbers are used again.
            var newest: UInt64 = 0
            for index in 0..<20 {
                let made = servers[index % 2].ask("POST", "/v1/projects", #"{"name":"new\#(index)","spec":{}}"#)
                #expect(made.status == 201, "\(made)")
                newest = try #require(made.revision.flatMap { UInt64($0) })
            }
            #expect(newest > beginning)
            for server in servers {
                // Beyond what was ever handed out: before there was an era, the first thing that a watcher had.
                let beyond = server.ask("GET", "/v1/projects?watch=true&after=\(newest + 1000)")
                #expect(beyond.status == 410, "\(beyond)")
                // By what was known before: refused, not taken for something else.
                let stale = server.ask(
                    "PUT", "/v1/projects/kept", #"{"name":"kept","labels":{"x":"y"},"spec":{}}"#, ifMatch: changed)
                #expect(stale.status == 412, "\(stale)")
                let watch = server.ask("GET", "/v1/projects?watch=true&after=\(last)")
                #expect(watch.status == 410, "\(watch)")
                #expect(watch.body.contains("compacted"), "\(watch)")
            }
            // By what is known now, which is the snapshot's under another number.
            let now = try #require(servers[0].ask("GET", "/v1/projects/kept").number("revision"))
            #expect(now > last && now < beginning, "\(now)")
            #expect(UInt64(kept) != now)
            let put = servers[1].ask(
                "PUT", "/v1/projects/kept", #"{"name":"kept","labels":{"x":"y"},"spec":{}}"#, ifMatch: "\(now)")
            #expect(put.status == 200, "\(put)")
        }
    }

    /// A snapshot, changes after it that are lost, and members that begin with the snapshot.
    /// - Returns: revisions that were handed out: of `kept` in the snapshot, the last one, and of `kept` when it was lost.
    private func lose(_ etcd: TestEtcd) async throws -> (kept: String, last: UInt64, changed: String) {
        let server = try Server(0, etcd)
        defer { server.kill9() }
        try await server.serves()
        let kept = try #require(server.ask("POST", "/v1/projects", #"{"name":"kept","spec":{}}"#).revision)
        try etcd.control("snapshot", "save", etcd.folder + "/snapshot")
        let changed = try #require(
            server.ask("PUT", "/v1/projects/kept", #"{"name":"kept","labels":{"a":"b"},"spec":{}}"#).revision)
        var last: UInt64 = 0
        for index in 0..<10 {
            let made = server.ask("POST", "/v1/projects", #"{"name":"lost\#(index)","spec":{}}"#)
            last = try #require(made.revision.flatMap { UInt64($0) }, "\(made)")
        }
        server.kill9()
        try etcd.restore(from: etcd.folder + "/snapshot")
        try await etcd.answers()
        return (kept, last, changed)
    }

    @Test func `eras follow each other, and what is kept as one must be one`() async throws {
        try await TestEtcd.with { etcd in
            let before = try etcd.store()
            let written = try await before.put(StoreKey("a"), "1")
            let first = try await before.beginEra()
            let second = try await before.beginEra()
            #expect(written < first && first < second)
            let store = etcd.keeping(try await EtcdStore.open(try etcd.options(), logger: quiet))
            #expect(try await store.currentRevision() == second)
            // What was there is there, under a revision of this era; those of others are nobody's.
            let entry = try #require(try await store.get(StoreKey("a")).entry)
            #expect(entry.modified > first)
            for revision in [written, first] {
                let stale = StoreTransaction(
                    conditions: [.modified(StoreKey("a"), revision)], changes: [.put(StoreKey("a"), [2])])
                guard case .failed = try await store.commit(stale) else {
                    Issue.record("taken for the revision of another era")
                    continue
                }
                do {
                    for try await _ in store.watch(StoreKey("a"), after: revision) {}
                } catch let error as StoreError {
                    guard case .compacted = error.code else { throw error }
                }
            }
            let fresh = StoreTransaction(
                conditions: [.modified(StoreKey("a"), entry.modified)], changes: [.put(StoreKey("a"), [2])])
            #expect(try await store.commit(fresh).committed() > second)
            try etcd.control("put", "/kc/era", "12345")
            await expectStoreError(.corrupt) { _ = try await store.beginEra() }
            await #expect(throws: StoreError.self) { _ = try await EtcdStore.open(try etcd.options(), logger: quiet) }
        }
    }

    /// The program itself, as an operator runs it.
    private static func kcd(_ words: [String]) throws -> String {
        let programs = (CommandLine.arguments[0] as NSString).deletingLastPathComponent
        return try command(programs + "/kcd", words)
    }
}
