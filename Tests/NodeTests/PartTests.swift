import Dispatch
import Glibc
import HostState
import NFTables
import NetworkModel
import NetworkNode
import NetworkPlanning
import Resources
import Synchronization
import Testing

@Suite struct PartTests {
    @Test func `waits double up to the limit and end with success`() {
        var backoff = Backoff<Int>(first: .milliseconds(100), limit: .seconds(1))
        let now = ContinuousClock.now
        var waits: [Duration] = []
        for _ in 0..<6 {
            backoff.failed(1, at: now, jitter: 0)
            waits.append((backoff.nextDue(after: now) ?? now) - now)
        }
        #expect(waits == [100, 200, 400, 800, 1000, 1000].map { .milliseconds($0) })
        #expect(backoff.isWaiting(1, at: now))
        #expect(!backoff.isWaiting(2, at: now))
        #expect(backoff.due(at: now + .seconds(2)) == [1])
        backoff.failed(2, at: now, jitter: 1)
        #expect(backoff.nextDue(after: now) == now + .milliseconds(125))
        backoff.succeeded(1)
        #expect(!backoff.isWaiting(1, at: now))
    }

    @Test func `only removals at the end of a plan may wait`() {
        let early = Step(.link(.delete(Fixture.interface("kct1"))), for: .orphan)
        let make = Step(
            .filter(.change(.port(Fixture.interface("kct2")), remove: [], add: [.ready(Fixture.interface("kct2"))])),
            for: .orphan)
        let late = Step(.link(.delete(Fixture.interface("kcb000001"))), for: .orphan)
        let schedule = PlanSchedule([early, make, late])
        #expect(schedule.now == [early, make])
        #expect(schedule.later == [late])
        #expect(PlanSchedule([late]).now == [])
        #expect(PlanSchedule([make]).later == [])
    }

    @Test func `a join token is taken whole or not at all`() {
        let print = String(repeating: "aB", count: 32)
        #expect(JoinToken("kcj_Secret-1_2.\(print)")?.fingerprint == print.lowercased())
        #expect(JoinToken("kcj_secret")?.fingerprint == nil)
        #expect(JoinToken("kcj_secret")?.text == "kcj_secret")
        for bad in [
            "", "kcj_", "kcj_.", "kch_secret", "kcj_a.b", "kcj_a b.\(print)", "kcj_a.\(print).x", "kcj_a.\(print)0",
        ] {
            #expect(JoinToken(bad) == nil, "\(bad)")
        }
    }

    @Test func `one agent at a time holds the lock, and the next is told who`() throws {
        let folder = try Folder()
        let path = folder.path + "/lock"
        do {
            let lock = try InstanceLock(path: path)
            // flock binds to the open file, not to the process: a second open in this process is refused as well.
            do {
                _ = try InstanceLock(path: path)
                Issue.record("a second lock was given")
            } catch {
                guard case .held(_, let pid) = error else { throw error }
                #expect(pid == getpid())
                #expect(error.description.contains("pid \(getpid())"))
            }
            _ = consume lock
        }
        _ = try InstanceLock(path: path)
    }

    @Test func `a lock that is refused closes its own file and no other's`() throws {
        let folder = try Folder()
        let path = folder.path + "/lock"
        let lock = try InstanceLock(path: path)
        let lost = Mutex(0)
        // One half is refused again and again, the other opens and closes: a number that is closed twice is at times the
        // other's in between.
        DispatchQueue.concurrentPerform(iterations: 2) { half in
            for _ in 0..<20_000 {
                if half == 0 {
                    #expect(throws: InstanceLock.Failure.self) { _ = try InstanceLock(path: path) }
                } else {
                    let file = open("/dev/null", O_RDONLY | O_CLOEXEC)
                    if file < 0 || close(file) != 0 { lost.withLock { $0 += 1 } }
                }
            }
        }
        #expect(lost.withLock { $0 } == 0)
        _ = consume lock
    }

    @Test func `a file is replaced whole and its mode is as asked`() throws {
        let folder = try Folder()
        let path = folder.path + "/credential"
        try AtomicFile.write([1, 2, 3], to: path, mode: 0o600)
        try AtomicFile.write([4], to: path, mode: 0o600)
        #expect(try AtomicFile.read(path, limit: 10) == [4])
        #expect(throws: FileError.self) { try AtomicFile.write([5], to: folder.path + "/none/file", mode: 0o600) }
        try AtomicFile.write(Array(repeating: 0, count: 11), to: path, mode: 0o600)
        #expect { try AtomicFile.read(path, limit: 10) } throws: { ($0 as? FileError)?.code == EFBIG }
        #expect(try AtomicFile.read(folder.path + "/snapshot.json", limit: 10) == nil)
    }

    @Test func `what joining left is read back, and a half of it is refused`() throws {
        let folder = try Folder()
        let state = folder.files.state
        #expect(try state.membership() == nil)
        let membership = Membership(
            url: "https://[2001:db8::1]:8440", certificate: "-----BEGIN", host: Fixture.host.id, name: Fixture.host.name
        )
        try state.save(membership, credential: "kch_secret")
        let read = try #require(try state.membership())
        #expect(read.membership == membership)
        #expect(read.credential == "kch_secret")
        var status = stat()
        #expect(stat(folder.path + "/credential", &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        unlink(folder.path + "/credential")
        #expect(throws: StateFolder.Damaged.self) { try state.membership() }
    }
}
