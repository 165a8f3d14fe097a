import Glibc
import Laboratory
import Testing
import Waiting

struct CommandTests {
    @Test func `input, both outputs and the exit code arrive`() async throws {
        let result = try await Command("tee", ["/dev/stderr"], input: Array("hello".utf8)).run()
        #expect(result.output == "hello")
        #expect(result.errors == "hello")
        #expect(result.isSuccess)
        let failed = try await Command("ls", ["/does/not/exist"]).run()
        #expect(failed.status == 2)
        #expect(failed.complaint.contains("/does/not/exist"))
    }

    @Test func `arguments reach the program as they are, whatever a shell would make of them`() async throws {
        let hostile = "a b'c\"d$(id);`id`\n|&*"
        #expect(try await Command("printf", ["%s", hostile]).run().output == hostile)
    }

    @Test func `a program that is not there is an error that names it`() async throws {
        let error = await #expect(throws: LaboratoryError.self) { try await Command("kc-no-such-program", []).run() }
        #expect(error?.subject == "kc-no-such-program")
        #expect(error?.message == "No such file or directory")
    }

    @Test func `a program has its three standard streams and nothing that another library has open`() async throws {
        var pair: [Int32] = [-1, -1]
        #expect(pipe(&pair) == 0)
        defer { for end in pair { close(end) } }
        let result = try await Command("sh", ["-c", "ls /proc/$$/fd; true"]).run()
        #expect(result.output.split(separator: "\n") == ["0", "1", "2"])
    }

    @Test func `a program past its time is killed with its children`() async throws {
        let result = try await Command(
            "sh", ["-c", "sleep 61.5 & echo $!; wait"], timeout: .milliseconds(300)
        ).run()
        #expect(result.hasTimedOut)
        let child = try #require(Int32(result.output.split(separator: "\n").first ?? ""))
        try await eventually("see the end of", "\(child)", within: .seconds(5)) { ProcessIdentity(pid: child) == nil }
    }

    @Test func `a program that reads nothing of a full pipe does not end us`() async throws {
        let result = try await Command("true", [], input: Array(repeating: 120, count: 60_000)).run()
        #expect(result.isSuccess)
    }

    @Test func `more output than a pipe holds on both streams arrives whole`() async throws {
        let result = try await Command("sh", ["-c", "seq 100000 >&2 & seq 200000; wait"]).run()
        #expect(result.output.hasSuffix("200000\n"))
        #expect(result.errors.hasSuffix("100000\n"))
    }

    @Test func `a later process with the same id is another one`() throws {
        let own = try #require(ProcessIdentity(pid: getpid()))
        #expect(own.isRunning)
        #expect(ProcessIdentity(pid: getpid()) == own)
        #expect(own != ProcessIdentity(pid: getppid()))
    }
}
