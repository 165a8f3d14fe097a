import Addressing
import FoundationEssentials
import Glibc
import LinuxPacketFilter
import NFTables
import NetworkModel
import NetworkPlanning
import NodePorts
import Synchronization
import TestNamespaces
import Testing
import Waiting

/// The filter when others interfere or kc-nft fails.
@Suite(.serialized) struct FaultTests {
    let namespace: TestNamespace
    let filter: NFTPacketFilter
    let structure = KCRuleset.structure(vxlanPort: 4789)

    init() throws {
        namespace = try TestNamespace("kcpf")
        filter = NFTPacketFilter(namespace: namespace.name, worker: worker)
    }

    /// A program in kc-nft's place.
    func script(_ body: String) throws -> String {
        let path = "/tmp/\(namespace.name)-worker"
        try Data(("#!/bin/bash\n" + body + "\n").utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path)
        return path
    }

    func remove(_ path: String) {
        for file in [path, path + ".ran"] { unlink(file) }
    }

    @Test func `a broken structure leaves the old one with its elements`() async throws {
        let port = try InterfaceName("kctaaaaa1")
        try await filter.apply([.install(structure, content([port]))])
        let broken = Ruleset(text: structure.text + "add rule bridge kc nowhere drop\n", digest: "other")
        await #expect(throws: NodeError.self) { try await filter.apply([.install(broken, FilterContent())]) }
        #expect(try await filter.observe() == ObservedFilter(digest: structure.digest, content: content([port])))
    }

    @Test func `a refusal keeps nft's words`() async throws {
        let broken = Ruleset(text: "table bridge kc { chain icmp { } }\n", digest: "other")
        do throws(NodeError) {
            try await filter.apply([.install(broken, FilterContent())])
            Issue.record("nft took it")
        } catch {
            #expect(error.code == .program)
            #expect(error.message.contains("syntax error"))
        }
    }

    @Test func `elements without our tables: adding fails by name, removing is success`() async throws {
        let port = try InterfaceName("kctaaaaa1")
        try await filter.apply([.shut(port), .remove(.loopback)])
        do throws(NodeError) {
            try await filter.apply([.shut(port), .open(port)])
            Issue.record("the kernel took it")
        } catch {
            #expect(error.code == .errno(ENOENT))
            #expect(error.subject.contains("kctaaaaa1"))
        }
    }

    @Test func `one refused change refuses all of a call`() async throws {
        try await filter.apply([.install(structure, FilterContent())])
        try namespace.run("nft", "delete", "table", "inet", "kc")
        await #expect(throws: NodeError.self) {
            try await filter.apply([.open(try InterfaceName("kctaaaaa1")), .add(.loopback)])
        }
        #expect(try await filter.observe().ready == [])
    }

    @Test(
        arguments: [
            ["flush", "ruleset"], ["delete", "table", "inet", "kc"], ["flush", "chain", "bridge", "kc", "to-port"],
            ["add", "rule", "bridge", "kc", "from-port", "accept"], ["add", "chain", "inet", "kc", "extra"],
            ["add", "table", "bridge", "kc", "{", "flags", "dormant", ";", "}"],
            ["chain", "bridge", "kc", "to-port", "{", "policy", "drop", ";", "}"],
            ["add", "set", "bridge", "kc", "extra", "{", "type", "ifname", ";", "}"],
        ]) func `what someone does to our tables is heard and shows`(words: [String]) async throws
    {
        try await filter.apply([.install(structure, FilterContent())])
        var events = filter.events().makeAsyncIterator()
        #expect(try await filter.observe().digest == structure.digest)
        try namespace.run(["nft"] + words)
        _ = await events.next()
        #expect(try await filter.observe().digest == nil)
        try await filter.apply([.install(structure, FilterContent())])
        #expect(try await filter.observe().digest == structure.digest)
    }

    @Test func `our own changes and those of other tables are not events`() async throws {
        let count = Mutex(0)
        let events = filter.events()
        // Ends with the stream, which ends with the filter at the latest.
        async let listening: Void = {
            for await _ in events {
                let isOver = count.withLock { count in
                    count += 1
                    return count > 1
                }
                if isOver { return }
            }
        }()
        for number in 0..<5 {
            try await filter.apply([.install(structure, FilterContent())])
            try await filter.apply([.open(try InterfaceName("kctaaaaa\(number)"))])
            try namespace.run("nft", "add", "table", "inet", "foreign\(number)")
        }
        // All of those were heard before this one.
        try namespace.run("nft", "flush", "chain", "bridge", "kc", "to-port")
        try await eventually { count.withLock { $0 } > 0 }
        #expect(count.withLock { $0 } == 1)
        try namespace.run("nft", "flush", "ruleset")
        await listening
    }

    @Test func `what someone does to our tables while elements change is heard`() async throws {
        try await filter.apply([.install(structure, FilterContent())])
        let names = try (0..<1000).map { try InterfaceName("kct\(100000 + $0)") }
        let ports = names.map(FilterOperation.open)
        let events = filter.events()
        let heard = Mutex(0)
        // Both end by cancellation when the test does. Hardly a moment in which the filter hears of elements.
        async let _: Void = { for await _ in events { heard.withLock { $0 += 1 } } }()
        async let _: Void = {
            while !Task.isCancelled {
                try await filter.apply(ports)
                try await filter.apply(names.map { .close($0, [.ready($0)]) })
            }
        }()
        for number in 0..<10 {
            heard.withLock { $0 = 0 }
            try namespace.run("nft", "add", "chain", "inet", "kc", "foreign\(number)")
            try await eventually("change \(number) is heard") { heard.withLock { $0 } > 0 }
        }
        #expect(try await filter.observe().digest == nil)
    }

    @Test func `a busy ruleset is still read whole`() async throws {
        try await filter.apply([.install(structure, FilterContent())])
        let noise = """
            for n in $(seq 200); do echo "add table inet foreign$n; delete table inet foreign$n"; done > /dev/null
            for n in $(seq 60); do nft "add table inet foreign; delete table inet foreign"; done
            """
        async let other = namespace.run("bash", "-c", noise)
        for number in 0..<100 {
            let port = try InterfaceName("kctaaaa\(number)")
            try await filter.apply([.open(port)])
            let observed = try await filter.observe()
            #expect(observed.digest == structure.digest)
            #expect(observed.ready.count == number + 1)
            if number % 25 == 0 { try await filter.apply([.install(structure, observed.content)]) }
        }
        _ = try await other
    }

    @Test func `ten thousand elements come in one call, are read, and go in one call`() async throws {
        let vteps = (1...10_000).map { IPv6Address(high: 0xfd00 << 48, low: UInt64($0)) }
        try await filter.apply([.install(structure, content([], Set(vteps.prefix(5_000))))])
        try await filter.apply(vteps.map(FilterOperation.add))
        #expect(try await filter.observe().content.vteps == Set(vteps))
        try await filter.apply(vteps.prefix(5_000).map(FilterOperation.remove))
        // Half of them are gone already: more refusals than a receive buffer holds.
        try await filter.apply(vteps.map(FilterOperation.remove))
        #expect(try await filter.observe() == ObservedFilter(digest: structure.digest))
    }

    @Test func `changing one element costs microseconds`() async throws {
        try await filter.apply([.install(structure, FilterContent())])
        let vtep = IPv6Address(high: 0xfd00 << 48, low: 1)
        func time(_ body: () async throws -> Void) async rethrows -> Duration {
            try await ContinuousClock().measure { try await body() } / 1000
        }
        let single = try await time {
            for _ in 0..<500 {
                try await filter.apply([.add(vtep)])
                try await filter.apply([.remove(vtep)])
            }
        }
        let batch = (0..<1000).map { FilterOperation.add(IPv6Address(high: 0xfd00 << 48, low: $0)) }
        let together = try await time { try await filter.apply(batch) }
        print("element: \(single) alone, with the hop to the thread; \(together) in a batch of 1,000")
        #expect(together < .milliseconds(1))
    }

    @Test func `kc-nft dying in the middle is an error, and the next call starts another`() async throws {
        let path = try script(
            "[ -e $0.ran ] && exec \(worker) \"$@\"; touch $0.ran; head -c 5 >/dev/null; exit 1")
        defer { remove(path) }
        let filter = NFTPacketFilter(namespace: namespace.name, worker: path)
        do throws(NodeError) {
            try await filter.apply([.install(structure, FilterContent())])
            Issue.record("it cannot have succeeded")
        } catch {
            #expect(error.code == .protocolViolation || error.code == .errno(EPIPE), "\(error)")
        }
        #expect(try await filter.observe().digest == nil)
        try await filter.apply([.install(structure, FilterContent())])
        #expect(try await filter.observe().digest == structure.digest)
    }

    @Test func `kc-nft that went idle is started again unseen`() async throws {
        let path = try script("echo $$ > $0.ran; exec \(worker) 1")
        defer { remove(path) }
        let filter = NFTPacketFilter(namespace: namespace.name, worker: path)
        try await filter.apply([.install(structure, FilterContent())])
        let written = try String(contentsOfFile: path + ".ran", encoding: .utf8)
        let pid = try #require(Int32(written.prefix { $0.isNumber }))
        try await eventually { kill(pid, 0) != 0 }  // gone, and reaped
        try await filter.apply([.uninstall])
        #expect(try namespace.run("nft", "list", "tables") == "")
    }

    @Test func `a missing kc-nft and a missing namespace are named`() async throws {
        let lost = NFTPacketFilter(namespace: namespace.name, worker: "/nowhere/kc-nft")
        do throws(NodeError) {
            try await lost.apply([.uninstall])
            Issue.record("there is no such program")
        } catch {
            #expect(error.code == .program && error.subject == "/nowhere/kc-nft", "\(error)")
        }
        let absent: NamespaceName = try #require(NamespaceName("kcpf-none"))
        let nowhere = NFTPacketFilter(namespace: absent, worker: worker)
        do throws(NodeError) {
            _ = try await nowhere.observe()
            Issue.record("there is no such namespace")
        } catch {
            #expect(error.code == .noSuchNamespace && error.subject == "kcpf-none", "\(error)")
        }
    }
}
