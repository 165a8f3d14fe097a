import Foundation
import Resources
import Synchronization
import Testing
import Waiting

@Suite(.serialized) struct CrashTests {
    /// The program beside the test bundle.
    private var program: String { (CommandLine.arguments[0] as NSString).deletingLastPathComponent + "/kcd" }

    private func start(_ folder: String) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = [
            "api", "--state-dir", folder + "/state", "--socket", folder + "/api.sock", "--log-level", "error",
        ]
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    @Test func `kill -9 while 200 attachments are made: the acknowledged ones are all there, and nothing half`()
        async throws
    {
        let folder = FileManager.default.temporaryDirectory.path + "/kc-crash-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }  // else it stays in the system's temporary folder
        let curl = Curl(socket: folder + "/api.sock")
        let path = "/v1/projects/default/attachments"
        let server = Shared(try start(folder))
        defer { server.withLock { if $0.isRunning { kill($0.processIdentifier, SIGKILL) } } }
        try await eventually("the server is ready") { try await curl("GET", "/readyz").status == 200 }
        #expect(
            try await curl("POST", "/v1/projects/default/segments", #"{"name":"a","spec":{"ipam":"manual"}}"#).status
                == 201)

        let acknowledged = Shared<[String: String]>([:])
        let next = Shared(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    while true {
                        let number = next.withLock { number in
                            number += 1
                            return number
                        }
                        guard number <= 200 else { return }
                        let reply = try await curl("POST", path, #"{"name":"p\#(number)","spec":{"segment":"a"}}"#)
                        if reply.status == 201 { acknowledged.withLock { $0["p\(number)"] = reply.body } }
                    }
                }
            }
            group.addTask {
                for limit in [40, 90, 140] {
                    try await eventually("\(limit) are asked for") { next.withLock { $0 } >= limit }
                    server.withLock { process in
                        kill(process.processIdentifier, SIGKILL)
                        process.waitUntilExit()
                    }
                    let restarted = try start(folder)
                    server.withLock { $0 = restarted }
                    try await eventually("it is back") { try await curl("GET", "/readyz").status == 200 }
                }
            }
            try await group.waitForAll()
        }

        let list = try await curl("GET", path + "?limit=1000&consistent=true")
        guard case .array(let items)? = try list.json?["items"]?.content else {
            Issue.record("no items: \(list)")
            return
        }
        let shown = Dictionary(
            uniqueKeysWithValues: items.map { ($0["name"]?.string ?? "", String(decoding: $0.raw, as: UTF8.self)) })
        let known = acknowledged.withLock { $0 }
        #expect(known.count > 50)
        for (name, body) in known { #expect(shown[name] == body) }
        #expect(shown.keys.allSatisfy { (1...200).contains(Int($0.dropFirst()) ?? 0) })
        let macs = items.compactMap { $0["status"]?["mac"]?.string }
        #expect(Set(macs).count == items.count)
        // What was not acknowledged is there whole or not at all: its name can be taken or is taken, and all can go.
        for number in 1...200 where shown["p\(number)"] == nil {
            #expect(try await curl("POST", path, #"{"name":"p\#(number)","spec":{"segment":"a"}}"#).status == 201)
        }
        for number in 1...200 { #expect(try await curl("DELETE", path + "/p\(number)").status == 204) }
        #expect(try await curl("DELETE", "/v1/projects/default/segments/a").status == 204)
    }

    @Test func `kill -9 during batches: each is there whole or not at all, and all that were acknowledged are`()
        async throws
    {
        let folder = FileManager.default.temporaryDirectory.path + "/kc-batch-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }  // else it stays in the system's temporary folder
        let curl = Curl(socket: folder + "/api.sock")
        let path = "/v1/projects/default/attachments"
        let server = Shared(try start(folder))
        defer { server.withLock { if $0.isRunning { kill($0.processIdentifier, SIGKILL) } } }
        try await eventually("the server is ready") { try await curl("GET", "/readyz").status == 200 }
        let segment = try await curl("POST", "/v1/projects/default/segments", #"{"name":"a","spec":{"ipam":"manual"}}"#)
        #expect(segment.status == 201)
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var delay = seed
        var acknowledged: Set<Int> = []
        // About as long as a batch takes here: longer after one that did not come through, shorter after one that did.
        var limit: Int64 = 250_000
        for batch in 0..<12 {
            let operations = (0..<300).map {
                #"{"verb":"create","kind":"attachment","project":"default","document":{"name":"p\#(batch)-\#($0)","spec":{"segment":"a"}}}"#
            }
            let file = folder + "/batch.json"
            try Data(#"{"operations":[\#(operations.joined(separator: ","))]}"#.utf8).write(to: URL(filePath: file))
            delay = delay &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let wait = Duration.microseconds(Int64(delay >> 33) % limit)
            async let reply = curl("POST", "/v1/batch?brief=true", "@" + file)
            // The moment of the crash; the last batch is let through.
            if batch == 11 { _ = try await reply } else { try await Task.sleep(for: wait) }
            server.withLock { process in
                kill(process.processIdentifier, SIGKILL)
                process.waitUntilExit()
            }
            if try await reply.status == 200 {
                acknowledged.insert(batch)
                limit = max(20_000, limit / 2)
            } else {
                limit = min(4_000_000, limit * 2)
            }
            let restarted = try start(folder)
            server.withLock { $0 = restarted }
            try await eventually("it is back") { try await curl("GET", "/readyz").status == 200 }
        }
        var counts: [Int: Int] = [:]
        var next: String? = ""
        while let place = next {
            let page = try await curl("GET", path + "?limit=1000&consistent=true" + place)
            guard case .array(let items)? = try page.json?["items"]?.content else {
                Issue.record("no items: \(page)")
                return
            }
            for item in items {
                let batch = item["name"]?.string?.dropFirst().split(separator: "-").first.flatMap { Int($0) }
                counts[batch ?? -1, default: 0] += 1
            }
            next = page.text("continue").map { "&continue=" + $0 }
        }
        #expect(counts.values.allSatisfy { $0 == 300 }, "\(counts)")
        #expect(acknowledged.isSubset(of: counts.keys) && acknowledged.contains(11))
        print("\(counts.count) of 12 batches are there, \(acknowledged.count) were acknowledged")
    }

    @Test func `a second server on the same socket or store is refused`() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/kc-twice-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }  // else it stays in the system's temporary folder
        let first = try start(folder)
        defer { if first.isRunning { kill(first.processIdentifier, SIGKILL) } }
        let curl = Curl(socket: folder + "/api.sock")
        try await eventually("the server is ready") { try await curl("GET", "/readyz").status == 200 }
        for state in ["state", "other"] {
            let (code, _) = try await run(
                program, ["api", "--state-dir", folder + "/" + state, "--socket", folder + "/api.sock"])
            #expect(code == 1)
        }
        #expect(try await curl("GET", "/readyz").status == 200)
        let (code, output) = try await run(
            program, ["token", "create", "--quiet", "--api", "unix:" + folder + "/api.sock"])
        #expect(code == 0 && output.hasPrefix("kcj_"))
        let backup = try await run(program, ["backup", folder + "/b.db", "--state-dir", folder + "/state"])
        #expect(backup.code == 0)
        for words in [["--store", "etcd"], ["--state-dir", folder + "/nowhere"]] {
            let other = try await run(
                "/bin/sh", ["-c", #"exec "$0" "$@" 2>&1"#, program, "backup", folder + "/c.db"] + words)
            #expect(other.code == 64 && other.output.contains("etcdctl snapshot save"), "\(other)")
        }
        #expect(try await run(program, ["restore", folder + "/b.db", "--state-dir", folder + "/state"]).code == 1)
        first.terminate()
        first.waitUntilExit()
        #expect(first.terminationStatus == 0)
        #expect(try await run(program, ["restore", folder + "/b.db", "--state-dir", folder + "/state"]).code == 0)
    }
}

/// A value that several tasks change.
final class Shared<Value: Sendable>: Sendable {
    private let value: Mutex<Value>
    init(_ value: Value) { self.value = Mutex(value) }
    func withLock<Result: Sendable>(_ body: (inout Value) -> Result) -> Result { value.withLock { body(&$0) } }
}
