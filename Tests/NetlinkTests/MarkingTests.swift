import Addressing
import NetworkModel
import NetworkPlanning
import NodePorts
import Testing

@testable import LinuxNetlink

/// The program before the guard, where frames come in by ports: there with each, exchanged as one.
@Suite struct MarkingTests {
    private static let bridge: InterfaceName = .device("kcb000001")
    private static func port(_ number: Int) -> InterfaceName { .device("kctaaaaaaaa\(10 + number)") }
    private static let block = GateBlocks(.port).receiving

    /// That of tunnels will do: each thread of a namespace loads its own.
    private static func program(by threads: NamespaceThreads, _ space: KernelNamespace) async throws -> Int32 {
        try await threads.thread(for: space.name).run { context throws(NodeError) in
            do throws(KernelError) { return try context.classifier(.testAndClear) } catch {
                throw error.error("load", "program")
            }
        }
    }

    /// Adapters of an agent with this program, in the same namespace.
    private static func table(_ program: Int32?, _ space: KernelNamespace) throws -> NetlinkLinkTable {
        NetlinkLinkTable(threads: try NamespaceThreads(guardProgram: program), main: space.name)
    }

    private static func make(_ ports: ClosedRange<Int>, by table: NetlinkLinkTable, _ space: KernelNamespace)
        async throws
    {
        let operations =
            [LinkOperation.create(NewLink(name: bridge, kind: .bridge, settings: LinkSettings(mtu: 1500, isUp: true)))]
            + ports.map { number in
                .create(
                    NewLink(
                        name: port(number), kind: .tap,
                        settings: LinkSettings(alias: "kc:port/\(number)", mtu: 1500, master: bridge, isUp: true)))
            }
        for outcome in await table.apply(operations, in: space.name) { try outcome.get() }
    }

    /// The kernel's numbers of the programs that ports run, by block.
    private static func running(_ blocks: some Sequence<UInt32>, _ space: KernelNamespace) throws -> [String] {
        try blocks.map { block in
            let text = try space.run("tc filter show block \(block)")
            guard text.contains("kc_guard") else { return "none" }
            return try #require(text.firstMatch(of: /id (\d+)/).map { String($0.1) })
        }
    }

    @Test func `ports get the program, made one by one or together, and the next agent's takes its place`() async throws
    {
        try await KernelNamespace.with { space in
            let first = try await Self.program(by: space.threads, space)
            let table = try Self.table(first, space)
            try await table.settleMarking()
            try await Self.make(1...1, by: table, space)
            try await Self.make(2...14, by: table, space)
            let blocks = Set(
                try space.run("tc qdisc show").matches(of: /ingress_block (\d+)/).compactMap { UInt32($0.1) })
            #expect(blocks.contains(Self.block) && blocks.count == 2, "\(blocks)")
            let before = try Self.running(blocks.sorted(), space)
            #expect(Set(before).count == 1 && !before.contains("none"))
            #expect(try await table.observe(in: space.name).links[Self.port(3)]?.settings.master == Self.bridge)

            // Another load of the same program is another one.
            let others = try NamespaceThreads()
            let other = try await Self.program(by: others, space)
            let successor = try Self.table(other, space)
            try await successor.settleMarking()
            let after = try Self.running(blocks.sorted(), space)
            #expect(Set(after).count == 1 && !after.contains("none") && Set(after).isDisjoint(with: before))

            // One without a program leaves none.
            let bare = try Self.table(nil, space)
            try await bare.settleMarking()
            try await bare.settleMarking()
            #expect(try Self.running(blocks.sorted(), space) == ["none", "none"])
            try await Self.make(15...15, by: bare, space)
            #expect(try Self.running([Self.block], space) == ["none"])
            // What a port has to have is there all the same.
            #expect(try await bare.observe(in: space.name).links[Self.port(15)]?.settings.master == Self.bridge)
        }
    }

    @Test func `a port without the program counts as none of its bridge until it has it again`() async throws {
        try await KernelNamespace.with { space in
            let table = try Self.table(try await Self.program(by: space.threads, space), space)
            try await Self.make(1...2, by: table, space)
            let masters = { try await table.observe(in: space.name).links.mapValues(\.settings.master) }
            #expect(try await masters()[Self.port(1)] == Self.bridge)
            _ = try space.run("tc filter del block \(Self.block) pref 100")
            #expect(try Self.running([Self.block], space) == ["none"])
            #expect(try await masters()[Self.port(1)] == .some(nil))
            // An agent that has no program does not miss it.
            let bare = try Self.table(nil, space)
            #expect(try await bare.observe(in: space.name).links[Self.port(1)]?.settings.master == Self.bridge)

            let back = LinkOperation.change(Self.port(1), LinkChange(master: .bridge(Self.bridge)))
            for outcome in await table.apply([back], in: space.name) { try outcome.get() }
            #expect(try Self.running([Self.block], space) != ["none"])
            let after = try await masters()
            #expect(after[Self.port(1)] == Self.bridge && after[Self.port(2)] == Self.bridge)
        }
    }
}
