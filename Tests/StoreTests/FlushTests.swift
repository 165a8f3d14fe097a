import FoundationEssentials
import Glibc
import Persistence
import Resources
import SQLiteStore
import StoreContract
import Testing
import Waiting

/// What the disk is asked for, seen and spoiled by strace(1) on a process of its own.
@Suite struct FlushTests {
    @Test func `each durable commit is flushed before it is answered, a relaxed one asks for no flush`() async throws {
        try await TemporaryStore.with { files in
            let path = files.path
            let trace = files.folder + "/trace"
            await #expect(processExitsWith: .success) { [path = path as String, trace = trace as String] in
                let store = try await SQLiteStore.open(at: path, logger: quiet)
                try await store.put(StoreKey("warm"), "1")
                let tracer = try await Tracer.attach(
                    ["-e", "trace=fdatasync,fsync,access,faccessat,faccessat2"], trace)
                for index in 0..<10 {
                    try await store.put(StoreKey("k"), "\(index)")
                    Tracer.mark("durable-\(index)")
                }
                for index in 0..<50 {
                    _ = try await store.commit(
                        StoreTransaction(changes: [.put(StoreKey("k"), bytes("\(index)"))], durability: .relaxed))
                }
                Tracer.mark("relaxed")
                tracer.stop()
                var flushes = 0
                var seen: [String: Int] = [:]
                for line in try Tracer.lines(trace) {
                    if line.contains("sync(") || line.contains("sync resumed") { flushes += 1 }
                    guard let mark = Tracer.mark(in: line) else { continue }
                    seen[mark] = flushes
                    flushes = 0
                }
                for index in 0..<10 { try #require(seen["durable-\(index)"].map { $0 >= 1 } == true, "\(seen)") }
                try #require(seen["relaxed"] == 0, "\(seen)")
                await store.close()
            }
        }
    }

    @Test func `a durable commit is news before its flush, and answered after it`() async throws {
        try await TemporaryStore.with { files in
            let path = files.path
            let trace = files.folder + "/trace"
            await #expect(processExitsWith: .success) { [path = path as String, trace = trace as String] in
                let store = try await SQLiteStore.open(at: path, logger: quiet)
                let revision = try await store.put(StoreKey("before"), "1")
                var news = store.watch(StoreKey(""), after: revision).makeAsyncIterator()
                let tracer = try await Tracer.attach(
                    ["-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:delay_enter=2s:when=1"], trace)
                async let answer = put(StoreKey("during"), in: store)
                let batch = try await news.next()
                let seen = ContinuousClock.now
                try #require(batch?.revision == Revision(revision.value + 1))
                let answered = try await answer
                try #require(answered > seen + .seconds(1))
                tracer.stop()
                await store.close()
            }
        }
    }

    @Test func `a flush that fails is never tried again: the commit is unknown, and all later ones are refused`()
        async throws
    {
        try await TemporaryStore.with { files in
            let path = files.path
            let trace = files.folder + "/trace"
            await #expect(processExitsWith: .success) { [path = path as String, trace = trace as String] in
                let store = try await SQLiteStore.open(at: path, logger: quiet)
                let revision = try await store.put(StoreKey("before"), "1")
                let tracer = try await Tracer.attach(
                    ["-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:error=EIO:when=1"], trace)
                await expectStoreError(.unavailable) { try await store.put(StoreKey("during"), "2") }
                // The disk would take it now; the store must not believe it.
                let error = await expectStoreError(.unavailable) { try await store.put(StoreKey("after"), "3") }
                try #require(error?.cause.contains("error of the disk") == true)
                try #require(try await store.value(StoreKey("before")) == "1")
                await store.close()
                tracer.stop()
                let flushes = try Tracer.lines(trace).filter { $0.contains("sync(") }
                try #require(flushes.count == 1, "\(flushes)")
                let again = try await SQLiteStore.open(at: path, logger: quiet)
                try #require(try await again.value(StoreKey("before")) == "1")
                try #require(try await again.value(StoreKey("after")) == nil)
                try #require(try await again.put(StoreKey("after"), "4") > revision)
                await again.close()
            }
        }
    }
}

/// When a put was answered.
private func put(_ key: StoreKey, in store: SQLiteStore) async throws -> ContinuousClock.Instant {
    try await store.put(key, "2")
    return .now
}

/// strace on the process that calls, writing what it sees to a file.
struct Tracer {
    private static let prefix = "/kc-mark/"
    let process: pid_t

    static func attach(_ options: [String], _ output: String) async throws -> Tracer {
        let words = ["strace", "-f", "-o", output] + options + ["-p", "\(getpid())"]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        // The threads of the pool block nearly all signals, and a child inherits that: strace could not be stopped.
        var attributes = posix_spawnattr_t()
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var process = pid_t()
        let code = posix_spawnp(&process, "strace", nil, &attributes, &arguments, environ)
        guard code == 0 else { throw Timeout(description: "strace: \(String(cString: strerror(code)))") }
        try await eventually("every thread is traced") {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").allSatisfy { thread in
                // A thread may end between the listing and this.
                guard let data = FileManager.default.contents(atPath: "/proc/self/task/\(thread)/status") else {
                    return true
                }
                return !String(decoding: data, as: UTF8.self).contains("TracerPid:\t0\n")
            }
        }
        return Tracer(process: process)
    }

    func stop() {
        // Not SIGINT: whoever runs the tests in the background may have it ignored, and strace inherits that.
        kill(process, SIGTERM)
        var status: CInt = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
    }

    /// A line in the trace: a look at a file that is not there.
    static func mark(_ name: String) { access(prefix + name, F_OK) }

    static func mark(in line: String) -> String? {
        line.split(separator: "\"").first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }

    static func lines(_ path: String) throws -> [String] {
        String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self).split(separator: "\n")
            .map(String.init)
    }
}
