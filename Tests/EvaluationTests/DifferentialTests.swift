import Addressing
import Frames
import Glibc
import LinuxBPF
import LinuxProcesses
import NFTables
import NetworkModel
import NetworkPlanning
import NodePorts
import SeededRandomness
import TestNamespaces
import Testing

/// The evaluator against the kernel: a bridge in a namespace under the real guard, generated frames, and for each frame
/// the same ports that get it, the same counters, the same flows.
@Suite(.serialized) struct DifferentialTests {
    static let seeds = getenv("KC_SEEDS").flatMap { Int(String(cString: $0)) } ?? 1
    static let batch = 50

    @Test(.timeLimit(.minutes(30)))
    func `what is predicted is what the kernel does, frame by frame`() async throws {
        var lab = try await Laboratory()
        let table = try #require(KCRuleset.tables(vxlanPort: 4789).first { $0.family == .bridge })
        try lab.install(table, lab.world.elements)
        for _ in 0..<Self.seeds {
            try await lab.run(frames: 6_000, SeededGenerator(printedFor: "what is predicted is what the kernel does"))
        }
        let drops = lab.reasons.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        print("\(lab.compared) frames compared, \(lab.delivered) copies delivered, dropped: \(drops)")
        #expect(lab.compared >= 6_000 * Self.seeds)
        // Every reason is met, or the comparison says less than it seems to.
        let met = Set(lab.reasons.keys)
        let missing = DropReason.allCases.filter { !met.contains($0.rawValue) }
        #expect(Set(missing).isSubset(of: [.rate, .tableFull, .offload]), "never met: \(missing)")
    }

    @Test(.timeLimit(.minutes(30)))
    func `what the planner makes of attachments is predicted too`() async throws {
        var planned = try PlannedWorld()
        var lab = try await Laboratory(planned.world)
        planned.world = lab.world
        let table = try #require(KCRuleset.tables(vxlanPort: 4789).first { $0.family == .bridge })
        try lab.install(table, planned.elements)
        for _ in 0..<Self.seeds {
            try await lab.run(frames: 3_000, SeededGenerator(printedFor: "what the planner makes of attachments"))
        }
        print("\(lab.compared) frames compared under planned elements, \(lab.delivered) copies delivered")
        #expect(lab.compared >= 3_000 * Self.seeds)
    }

    @Test(.timeLimit(.minutes(30)))
    func `ARP and IPv4 of a segment that has it are predicted too`() async throws {
        var planned = try PlannedWorld(ipv4: SegmentIPv4(prefix: try IPv4Prefix(parsing: "10.0.0.0/24")))
        var lab = try await Laboratory(planned.world)
        planned.world = lab.world
        let table = try #require(KCRuleset.tables(vxlanPort: 4789).first { $0.family == .bridge })
        try lab.install(table, planned.elements)
        for _ in 0..<Self.seeds {
            try await lab.run(frames: 4_000, SeededGenerator(printedFor: "ARP and IPv4 of a segment that has it"))
        }
        let drops = lab.reasons.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        print("\(lab.compared) frames compared with IPv4, \(lab.delivered) copies delivered, dropped: \(drops)")
        #expect(lab.compared >= 4_000 * Self.seeds)
        for reason in ["spoofed-ip", "foreign-nd", "rogue-dhcp", "redirect", "policy", "fragment", "header-chain"] {
            #expect(lab.reasons[reason] ?? 0 > 0, "never met: \(reason)")
        }
    }

    @Test(.timeLimit(.minutes(30)))
    func `limits let through what they say and no more`() async throws {
        var lab = try await Laboratory()
        lab.world.isLimited = true
        let table = try #require(KCRuleset.tables(vxlanPort: 4789).first { $0.family == .bridge })
        let random = SeededGenerator(printedFor: "limits let through what they say")
        var generator = FrameGenerator(world: lab.world, random: random)
        var rounds = 0
        for _ in 0..<100 * Self.seeds where rounds < 25 * Self.seeds {
            // Buckets are full when they are made; a second later there is room for one more.
            try lab.install(table, lab.world.elements)
            let draws = (0..<80).map { _ in generator.draw() }
            guard let agrees = try await lab.compare(draws, within: 800_000_000) else { continue }
            try #require(agrees)
            rounds += 1
            lab.tally()
        }
        print("\(lab.compared) frames compared under limits, \(lab.reasons["rate"] ?? 0) drops of too many")
        #expect(rounds == 25 * Self.seeds)
        #expect(lab.reasons["rate"] ?? 0 > 100)
    }

    @Test(.timeLimit(.minutes(30)))
    func `rules that nobody would write are read as the kernel reads them`() async throws {
        let lab = try await Laboratory()
        var seeds = SeededGenerator(printedFor: "rules that nobody would write")
        var total = 0
        var refused = 0
        for _ in 0..<40 * Self.seeds {
            var lab = lab
            let frames = SeededGenerator(seed: seeds.next())
            var generator = FrameGenerator(world: lab.world, random: frames)
            var ruleset = RandomRuleset(
                world: lab.world, samples: (0..<100).map { _ in generator.draw() },
                random: SeededGenerator(seed: seeds.next()))
            let (table, elements) = ruleset.table()
            do {
                try lab.install(table, elements, isGuard: false)
            } catch {
                // Not every drawn rule is one that nft takes.
                refused += 1
                if refused <= 3 { print("refused: \("\(error)".prefix(400))") }
                continue
            }
            // The same frames as those whose values are in the rules.
            do {
                try await lab.run(frames: 100, frames)
            } catch {
                Issue.record("\(Ruleset([table]).text(with: elements))")
                throw error
            }
            total += lab.compared
        }
        print("\(total) frames compared under random rules, \(refused) rulesets refused by nft")
        #expect(total >= 1_500 * Self.seeds)
    }
}

/// The namespace, the thread in it, and what is predicted for it.
struct Laboratory {
    let namespace: TestNamespace
    var world: World
    let wire: NamespaceThread<Wire>
    /// Before the guard, at all ports. The model knows nothing of it.
    let program: GuardProgram
    var model: BridgeModel
    /// The sets that packets fill.
    var dynamic: [NamedSet] = []
    var compared = 0
    var delivered = 0
    var reasons: [String: UInt64] = [:]
    private var roundStart: UInt64 = 0

    /// Nothing that lives shorter than this may be waited for: claims live for 5 s.
    private static let roundLength: UInt64 = 2_000_000_000
    static let roundLimit: UInt64 = 4_500_000_000

    init(_ world: World? = nil) async throws { try self.init(prepared: try world ?? World()) }

    init(prepared world: World) throws {
        namespace = try TestNamespace("kcev")
        var world = world
        try Wire.build(&world, in: namespace)
        self.world = world
        model = BridgeModel(world: world, evaluator: FrameEvaluator(Table(.bridge, KCRuleset.table), []))
        let program = try GuardProgram(path: GuardProgramTests.path)
        self.program = program
        wire = NamespaceThread("kc-wire", in: namespace.name) { [world] () throws(NodeError) -> Wire in
            try Wire(world, program: program.descriptor)
        }
    }

    /// Puts a table of the family `bridge` and its elements in place of what was there.
    /// - Parameter isGuard: whether it is the guard, so that there is a program before it.
    mutating func install(_ table: Table, _ elements: [Elements], isGuard: Bool = true) throws {
        try program.clear()
        try Self.load(Ruleset([table]).text(with: elements), in: namespace)
        try group(as: elements)
        if isGuard {
            let frames = SimpleFrames(elements.guardElements)
            for port in world.ports {
                if let record = frames.record(of: port.name) { try program.put(record, device: port.index) }
            }
        }
        dynamic = table.sets.filter(\.isDynamic)
        model = BridgeModel(world: world, evaluator: FrameEvaluator(table, elements))
        roundStart = Self.now
    }

    /// As the agent would: the model knows nothing of groups and has to say the same.
    private func group(as elements: [Elements]) throws {
        let to = elements.first { $0.family == .bridge && $0.set == KCRuleset.Sets.to }?.values ?? []
        for port in world.ports {
            let takesMembers = to.contains(GuardElement.members(port.name).element)
            try namespace.run(
                "ip", "link", "set", port.name.text, "group",
                takesMembers ? "\(KCRuleset.DeviceGroup.members)" : "27491")
        }
    }

    static func load(_ text: String, in namespace: TestNamespace) throws {
        let path = "/tmp/kc-evaluation-\(namespace.name).nft"
        let file = try #require(fopen(path, "w"))
        fputs(text, file)
        fclose(file)
        defer { unlink(path) }
        try namespace.run("nft", "-f", path)
    }

    static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    mutating func run(frames count: Int, _ random: SeededGenerator) async throws {
        var generator = FrameGenerator(world: world, random: random)
        var left = count
        var discarded = 0
        try restart()
        while left > 0 {
            if Self.now - roundStart > Self.roundLength { try restart() }
            let draws = (0..<DifferentialTests.batch).map { _ in generator.draw() }
            let agrees = try await compare(draws)
            guard let agrees else {
                // So slow a machine that claims may have run out of their time: nothing can be said of this batch.
                discarded += 1
                try #require(discarded < 100, "the machine is too slow")
                try restart()
                continue
            }
            try #require(agrees)
            left -= draws.count
        }
        tally()
    }

    mutating func tally() {
        for (name, elements) in model.state.elements where name.text.hasPrefix("dropped-") {
            let reason = String(name.text.dropFirst("dropped-".count))
            reasons[reason, default: 0] += elements.values.reduce(0) { $0 + $1.packets }
        }
    }

    /// Empties what packets filled, in the kernel and in the model.
    private mutating func restart() throws {
        tally()
        try Self.load(
            dynamic.map { "flush set bridge \(KCRuleset.table) \($0.name)\n" }.joined(), in: namespace)
        model.state = EvaluationState()
        roundStart = Self.now
    }

    /// - Parameter within: nanoseconds since the installation or the last emptying of sets.
    /// - Returns: whether prediction and kernel agree; nil when it took too long.
    mutating func compare(_ draws: [FrameGenerator.Draw], within limit: UInt64 = roundLimit) async throws -> Bool? {
        var expected = [[[UInt8]]](repeating: [], count: world.ports.count + 1)
        var stories: [[String]] = []
        for draw in draws {
            let outcome = model.send(draw.bytes, from: draw.sender, now: Self.now)
            for port in outcome.delivered { expected[port].append(draw.bytes) }
            if outcome.isToHost { expected[world.ports.count].append(draw.bytes) }
            delivered += outcome.delivered.count
            stories.append(outcome.story)
        }
        let frames = draws.map { (sender: $0.sender, bytes: $0.bytes) }
        let heard = try await wire.run { wire throws(NodeError) in try wire.exchange(frames) }
        let kernel = try await wire.run { [dynamic] _ throws(NodeError) in try KernelSets(dynamic) }
        guard Self.now - roundStart < limit else { return nil }
        compared += draws.count
        var agrees = true
        for number in expected.indices where heard[number] != expected[number] {
            agrees = false
            let place = number < world.ports.count ? world.ports[number].name.text : "the host"
            report(place, expected: expected[number], heard: heard[number], draws, stories)
        }
        for set in dynamic {
            let wanted = (model.state.elements[set.name] ?? [:]).mapValues(\.packets)
            let got = kernel.elements[set.name] ?? [:]
            guard wanted != got else { continue }
            agrees = false
            for key in Set(wanted.keys).union(got.keys) where wanted[key] != got[key] {
                let text = set.text(of: Element(key: key)) ?? "a foreign key"
                func say(_ count: UInt64?) -> String { count.map { "there, counted \($0)" } ?? "absent" }
                Issue.record("\(set.name) \(text): predicted \(say(wanted[key])), kernel \(say(got[key]))")
            }
            for (draw, story) in zip(draws, stories).filter({ $1.contains { $0.contains("in \(set.name)") } }).prefix(
                20)
            {
                print(describe(draw, story))
            }
        }
        return agrees
    }

    private func report(
        _ place: String, expected: [[UInt8]], heard: [[UInt8]], _ draws: [FrameGenerator.Draw], _ stories: [[String]]
    ) {
        var balance: [[UInt8]: Int] = [:]
        for frame in expected { balance[frame, default: 0] += 1 }
        for frame in heard { balance[frame, default: 0] -= 1 }
        for (frame, difference) in balance where difference != 0 {
            let number = draws.firstIndex { $0.bytes == frame }
            let said = difference > 0 ? "and not heard" : "not to be heard, but heard"
            let text = number.map { describe(draws[$0], stories[$0]) } ?? "no frame of ours: \(frame)"
            Issue.record("\(place): predicted \(said), \(text)")
        }
        if balance.values.allSatisfy({ $0 == 0 }) { Issue.record("\(place): the same frames in another order") }
    }

    private func describe(_ draw: FrameGenerator.Draw, _ story: [String]) -> String {
        let parsed = (try? EthernetFrame(parsing: draw.bytes)).map { "\($0)" } ?? "not parsed"
        let hex = draw.bytes.prefix(200).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return """
            frame from \(world.ports[draw.sender].name): \(parsed.prefix(300))
            \(draw.bytes.count) bytes \(hex)
            \(story.joined(separator: "\n"))
            """
    }
}
