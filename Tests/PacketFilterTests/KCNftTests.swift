import Glibc
import LinuxProcesses
import NetworkModel
import TestNamespaces
import Testing

/// kc-nft itself, by its standard input and output.
@Suite(.serialized) struct KCNftTests {
    let namespace: TestNamespace

    init() throws { namespace = try TestNamespace("kcpf") }

    /// One running kc-nft.
    final class Conversation {
        let pid: ProcessID
        private let input: Int32
        private var requests: FileDescriptor?
        private let answers: FileDescriptor

        init(in namespace: TestNamespace, idle: String = "20") throws {
            let requests = try Pipe()
            let answers = try Pipe()
            pid = try ChildProcess.spawn(
                "/usr/sbin/ip", ["netns", "exec", namespace.name.text, worker, idle],
                input: requests.reading.raw, output: answers.writing.raw)
            input = requests.writing.raw
            self.requests = requests.keepingWriting()
            self.answers = answers.keepingReading()
        }

        deinit { kill(pid, SIGKILL) }

        func send(_ bytes: [UInt8]) {
            #expect(write(input, bytes, bytes.count) == bytes.count)
        }

        func hangUp() { requests = nil }

        func ask(_ text: String, command: UInt8 = 0) -> (status: UInt8, text: String)? {
            let body = Array(text.utf8)
            send([command] + withUnsafeBytes(of: UInt32(body.count).bigEndian, Array.init) + body)
            return answer()
        }

        func answer() -> (status: UInt8, text: String)? {
            let head = receive(5)
            guard head.count == 5 else { return nil }
            let body = receive(head[1...].reduce(0) { $0 << 8 | Int($1) })
            return (head[0], String(decoding: body, as: UTF8.self))
        }

        private func receive(_ count: Int) -> [UInt8] {
            var bytes: [UInt8] = []
            var piece = [UInt8](repeating: 0, count: 65536)
            while bytes.count < count {
                let got = read(answers.raw, &piece, min(piece.count, count - bytes.count))
                if got <= 0 { break }
                bytes += piece[..<got]
            }
            return bytes
        }
    }

    @Test func `a text is applied in the namespace it was started in`() throws {
        let conversation = try Conversation(in: namespace)
        #expect(try #require(conversation.ask("table bridge kc { }")) == (0, ""))
        #expect(try #require(conversation.ask("list tables")) == (0, "table bridge kc\n"))
        #expect(try namespace.run("nft", "list", "tables") == "table bridge kc\n")
    }

    @Test func `a text with an error changes nothing and names the error`() throws {
        let conversation = try Conversation(in: namespace)
        let answer = try #require(
            conversation.ask("add table inet good\nadd rule inet good nowhere drop\n"))
        #expect(answer.status == 1)
        #expect(answer.text.contains("No such file or directory"))
        #expect(try namespace.run("nft", "list", "tables") == "")
        #expect(try #require(conversation.ask("add table inet good")).status == 0)
    }

    @Test func `a check changes nothing`() throws {
        let conversation = try Conversation(in: namespace)
        #expect(try #require(conversation.ask("add table inet good", command: 1)).status == 0)
        #expect(try #require(conversation.ask("add nonsense", command: 1)).status == 1)
        #expect(try namespace.run("nft", "list", "tables") == "")
    }

    @Test func `malformed requests are named and survived`() throws {
        let conversation = try Conversation(in: namespace)
        #expect(try #require(conversation.ask("x", command: 9)).status == 2)
        #expect(try #require(conversation.ask("list tables\0")).status == 2)
        #expect(try #require(conversation.ask("")).status == 0)
        #expect(try #require(conversation.ask("list tables")).status == 0)
    }

    @Test func `a length beyond 128 MiB ends the conversation with an answer`() throws {
        let conversation = try Conversation(in: namespace)
        conversation.send([0, 8, 0, 0, 1])
        #expect(try #require(conversation.answer()).status == 2)
        #expect(conversation.answer() == nil)
        #expect(ChildProcess.wait(conversation.pid) == .exited(0))
    }

    @Test func `half a request is no request`() throws {
        let conversation = try Conversation(in: namespace)
        conversation.send([0, 0, 0, 0, 30] + Array("add table inet good\n".utf8))
        conversation.hangUp()
        #expect(conversation.answer() == nil)
        #expect(ChildProcess.wait(conversation.pid) == .exited(0))
        #expect(try namespace.run("nft", "list", "tables") == "")
    }

    @Test func `an idle process says so and ends`() throws {
        let conversation = try Conversation(in: namespace, idle: "1")
        #expect(try #require(conversation.answer()).status == 3)
        #expect(ChildProcess.wait(conversation.pid) == .exited(0))
    }

    @Test(arguments: ["", "0", "-1", "x", "86401", "1x"]) func `other arguments are refused`(idle: String) throws {
        let conversation = try Conversation(in: namespace, idle: idle)
        #expect(conversation.answer() == nil)
        #expect(ChildProcess.wait(conversation.pid) == .exited(2))
    }
}
