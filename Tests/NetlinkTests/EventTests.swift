import Addressing
import Glibc
import LinuxNetlink
import NetworkModel
import NetworkPlanning
import NodePorts
import Synchronization
import Testing
import Waiting

@Suite struct EventTests {
    /// What a stream has given so far.
    private final class Heard: Sendable {
        private let events = Mutex<[LinkEvent]>([])
        func add(_ event: LinkEvent) { events.withLock { $0.append(event) } }
        func count(_ event: LinkEvent) -> Int { events.withLock { $0.count { $0 == event } } }
        var isEmpty: Bool { events.withLock { $0.isEmpty } }
        func clear() { events.withLock { $0 = [] } }
    }

    private func listening(
        to space: KernelNamespace, _ body: (Heard) async throws -> Void
    ) async throws {
        let heard = Heard()
        let events = space.table.events(in: space.name)
        try await withThrowingTaskGroup { group in
            group.addTask { for await event in events { heard.add(event) } }
            try await eventually("the subscription says everything") { heard.count(.everything) == 1 }
            heard.clear()
            try await body(heard)
            group.cancelAll()
        }
    }

    @Test func `changes of links, ports, floods, addresses and the default route are told`() async throws {
        try await KernelNamespace.with { space in
            try space.underlay()
            _ = try space.run("ip link add br0 type bridge")
            _ = try space.run("ip link add x0 type vxlan id 5 local fd00::1 dev und0 dstport 4789")
            _ = try space.run("ip link set x0 master br0")
            try await listening(to: space) { heard in
                func told(_ event: LinkEvent, by command: String) async throws {
                    // What is still coming of the step before is heard before the next one begins.
                    _ = try space.run("ip link set lo alias mark\(command.hashValue)")
                    try await eventually("the mark before \(command)") { heard.count(.link(.device("lo"))) > 0 }
                    heard.clear()
                    _ = try space.run(command)
                    try await eventually("\(command): \(event)") { heard.count(event) > 0 }
                }
                try await told(.link(.device("br0")), by: "ip link set br0 mtu 1400")
                try await told(.link(.device("br1")), by: "ip link add br1 type bridge")
                try await told(.link(.device("br1")), by: "ip link delete br1")
                try await told(.link(.device("x0")), by: "bridge link set dev x0 learning off")
                try await told(
                    .link(.device("x0")), by: "bridge fdb append 00:00:00:00:00:00 dev x0 dst fd00::2 self permanent")
                try await told(.link(.underlay), by: "ip -6 address add fd00::7/64 dev und0 nodad")
                try await told(.everything, by: "ip -6 route add default via fd00::9 dev und0")
            }
        }
    }

    @Test func `a burst is told of in few words`() async throws {
        try await KernelNamespace.with { space in
            try await listening(to: space) { heard in
                let clock = ContinuousClock()
                let begun = clock.now
                let bridge = NewLink(
                    name: .device("kcb000001"), kind: .bridge, settings: LinkSettings(mtu: 1430, isUp: true))
                try await space.apply(
                    [.create(bridge)] + (0..<300).map { .change(bridge.name, LinkChange(mtu: 1300 + $0 % 2)) })
                _ = try space.run("ip link set lo alias mark")
                try await eventually("the mark after it") { heard.count(.link(.device("lo"))) > 0 }
                // One for each reading, and between two of those is a rest of 10 ms.
                #expect(heard.count(.link(bridge.name)) <= Int((clock.now - begun) / .milliseconds(10)) + 1)
            }
        }
    }

    @Test func `events that the kernel had to drop come as everything`() async throws {
        try await KernelNamespace.with(eventBufferBytes: 1) { space in
            try await listening(to: space) { heard in
                let bridge = NewLink(
                    name: .device("kcb000001"), kind: .bridge, settings: LinkSettings(mtu: 1430, isUp: true))
                try await eventually("a burst overruns the smallest buffer", within: .seconds(20)) {
                    try await space.apply(
                        [.create(bridge)]
                            + (0..<50).map { .change(bridge.name, LinkChange(mtu: 1300 + $0)) }
                            + [.delete(bridge.name)])
                    return heard.count(.everything) > 0
                }
            }
        }
    }

    @Test func `events of a namespace that is not there end at once`() async throws {
        let table = NetlinkLinkTable(threads: try NamespaceThreads())
        let absent = try #require(NamespaceName("kcn-absent-\(getpid())"))
        for await event in table.events(in: absent) { Issue.record("\(event)") }
    }

    @Test func `a reader that stops lets the namespace go`() async throws {
        try await KernelNamespace.with { space in
            let before = try openFiles()
            try await listening(to: space) { _ in }
            try await eventually("the reader's sockets are closed") { try openFiles() <= before }
        }
    }

    private func openFiles() throws -> Int {
        try #require(Int(try shell("ls /proc/\(getpid())/fd | wc -l").filter(\.isNumber)))
    }
}
