// One more guarded port on a host with many, through the planner's elements and the agent's own packet filter; and a
// policy that many ports share, changed.
// usage: GuardBench PORTS SEGMENTS EXTRA SHARED FOLDER
//
// Fills `bridge kc` of the namespace it runs in with PORTS ports on SEGMENTS segments, the first SHARED of which use one
// policy; writes the elements of EXTRA further ports into FOLDER for the other sides (port.txt for the C loop, port.json
// for libnftables, forth.nft and back.nft for nft). Then for each line on standard input does one thing and prints microseconds:
// `ports` adds each of the further ports and takes it away again untimed, `policy` changes the shared policy back and forth.
import Addressing
import FoundationEssentials
import Glibc
import LinuxPacketFilter
import NFTables
import NetworkModel
import NetworkPlanning
import Resources

let arguments = CommandLine.arguments
guard arguments.count == 6, let ports = Int(arguments[1]), let segments = Int(arguments[2]), let extra = Int(arguments[3]),
    let shared = Int(arguments[4])
else {
    print("usage: GuardBench PORTS SEGMENTS EXTRA SHARED FOLDER")
    exit(2)
}
let folder = arguments[5]
let world = BenchWorld(segments: segments, shared: shared)
let few = try world.elements(ports: ports, variant: 0)
let many = try world.elements(ports: ports + extra, variant: 0)
let changed = try world.elements(ports: ports, variant: 1)
let further = Set(many.owners.keys).subtracting(few.owners.keys).sorted().map { ($0, many[$0].sorted()) }
let profiles = changed.owners.keys.filter { few[$0] != changed[$0] }.sorted()

try Writing.ports(further.map(\.1), to: folder)
func difference(from old: FilterContent, to new: FilterContent) -> (remove: [GuardElement], add: [GuardElement]) {
    (profiles.flatMap { old[$0].subtracting(new[$0]).sorted() }, profiles.flatMap { new[$0].subtracting(old[$0]).sorted() })
}
let forth = difference(from: few, to: changed)
let back = difference(from: changed, to: few)
try Writing.policy(remove: forth.remove, add: forth.add, to: "\(folder)/forth.nft")
try Writing.policy(remove: back.remove, add: back.add, to: "\(folder)/back.nft")

let filter = NFTPacketFilter(worker: Writing.worker())
try await filter.apply([.install(KCRuleset.structure(vxlanPort: 4789), few)])
let clock = ContinuousClock()

func report(_ times: [Duration]) {
    let values = times.map { String(Int($0 / .nanoseconds(100))) }.map { "\($0.dropLast().isEmpty ? "0" : $0.dropLast()).\($0.suffix(1))" }
    print("{\"microseconds\":[\(values.joined(separator: ","))]}")
    fflush(nil)
}

print("{\"ports\":\(few.ports.count),\"elements\":\(further.first?.1.count ?? 0),\"changed\":\(forth.add.count)}")
fflush(nil)
var isChanged = false
while let line = readLine() {
    var times: [Duration] = []
    switch line {
    case "ports":
        for (owner, elements) in further {
            let start = clock.now
            try await filter.apply([.change(owner, remove: [], add: elements)])
            times.append(clock.now - start)
            try await filter.apply([.change(owner, remove: elements, add: [])])
        }
    case "policy":
        for _ in 0..<10 {
            let (old, new) = isChanged ? (changed, few) : (few, changed)
            let operations = profiles.map {
                FilterOperation.change(
                    $0, remove: old[$0].subtracting(new[$0]).sorted(), add: new[$0].subtracting(old[$0]).sorted())
            }
            let start = clock.now
            try await filter.apply(operations)
            times.append(clock.now - start)
            isChanged.toggle()
        }
    default: exit(2)
    }
    report(times)
}
