import FoundationEssentials
import Glibc
import LinuxPacketFilter
import NFTables
import NetworkPlanning
import NodePorts

/// A full `bridge kc`, and what is timed in it.
struct Bench {
    private let filter: NFTPacketFilter
    /// The elements of ports that are not there yet.
    private let further: [(owner: GuardOwner, elements: [GuardElement])]
    private let forth: PolicyChange
    private let back: PolicyChange
    private let count: Int
    private var isChanged = false
    private let clock = ContinuousClock()

    /// Fills the table of the namespace it runs in, and writes the other sides' files into the folder.
    init(ports: Int, segments: Int, extra: Int, shared: Int, folder: String) async throws {
        let world = BenchWorld(segments: segments, shared: shared)
        let few = try world.elements(ports: ports, variant: 0)
        let many = try world.elements(ports: ports + extra, variant: 0)
        let changed = try world.elements(ports: ports, variant: 1)
        further = Set(many.owners.keys).subtracting(few.owners.keys).sorted().map { ($0, many[$0].sorted()) }
        forth = PolicyChange(from: few, to: changed)
        back = PolicyChange(from: changed, to: few)
        count = few.ports.count
        try Writing.ports(further.map(\.elements), to: folder)
        try Writing.policy(forth, to: "\(folder)/forth.nft")
        try Writing.policy(back, to: "\(folder)/back.nft")
        filter = NFTPacketFilter(worker: Self.worker)
        try await filter.apply([.install(KCRuleset.structure(vxlanPort: 4789), few)])
    }

    var facts: String {
        "{\"ports\":\(count),\"elements\":\(further.first?.elements.count ?? 0),\"changed\":\(forth.add.count)}"
    }

    /// Adds each of the further ports, and takes it away again untimed.
    func addPorts() async throws -> [Duration] {
        var times: [Duration] = []
        for (owner, elements) in further {
            let start = clock.now
            try await filter.apply([.change(owner, remove: [], add: elements)])
            times.append(clock.now - start)
            try await filter.apply([.change(owner, remove: elements, add: [])])
        }
        return times
    }

    /// Changes the shared policy back and forth.
    mutating func changePolicy() async throws -> [Duration] {
        var times: [Duration] = []
        for _ in 0..<10 {
            let operations = (isChanged ? back : forth).operations
            let start = clock.now
            try await filter.apply(operations)
            times.append(clock.now - start)
            isChanged.toggle()
        }
        return times
    }

    /// kc-nft stands beside this program.
    private static var worker: String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let path = String(decoding: buffer[..<max(0, count)].map(UInt8.init(bitPattern:)), as: UTF8.self)
        return path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/kc-nft"
    }
}
