// How many VMs are placed in a second, with all bookkeeping, and how well they are packed.
// usage: PlacementBench
//
// For each line on standard input, one line of JSON on standard output:
//   place HOSTS VMS SEED   {"perSecond":…,"placed":…,"refused":…,"churn":…}: VMs placed one by one on empty hosts; then,
//                          as often, one taken away and one placed
//   cases COUNT SEED       COUNT lines {"hosts":[[cpus,memory,disk]…],"vms":[…],"together":…,"alone":…}: the hosts in use
import ComputeModel
import Glibc
import Placement
import Resources

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}

func id(_ kind: Int, _ number: Int) -> ResourceID {
    let digits = String(number, radix: 16)
    guard
        let id = ResourceID(
            "\(kind)\(String(repeating: "0", count: 7 - digits.count))\(digits)-0000-4000-8000-000000000000")
    else { preconditionFailure("id \(number)") }
    return id
}

func name(_ text: String) -> Name {
    guard let name = Name(text) else { preconditionFailure("name \(text)") }
    return name
}

let gpu = TaintKey("gpu")

/// Three sizes, three zones, a name of its own, two architectures; some with SSDs, some for GPUs, some with images.
func host(_ number: Int, _ random: inout Generator) throws -> PlacementHost {
    let size = UInt64([1, 1, 2, 4].randomElement(using: &random) ?? 1)
    let machine = Capacity(cpus: 32 * size, memoryMiB: 131_072 * size, diskGiB: 2000 * size)
    let reserved = Capacity(cpus: 0, memoryMiB: 1024, diskGiB: 10)
    var host = PlacementHost(
        id: id(1, number), architecture: random.chance(10) ? .arm64 : .amd64,
        allocatable: Overcommit().allocatable(of: machine, reserved: reserved))
    try host.labels.set("zone", ["a", "b", "c"][number % 3])
    try host.labels.set("name", "host-\(number)")
    if random.chance(30) { try host.labels.set("disk", "ssd") }
    if let gpu, random.chance(5) { host.taints.append(Taint(gpu, effect: .refuse)) }
    for image in 0..<20 where random.chance(20) { host.images.insert(id(4, image)) }
    return host
}

/// One in ten is picky about zones or disks, one in ten must not meet its like, one in five says which image.
func request(_ number: Int, _ random: inout Generator) throws -> PlacementRequest {
    let cpus = UInt64([1, 1, 2, 2, 4, 8].randomElement(using: &random) ?? 1)
    let memory = cpus * UInt64([1024, 2048, 4096].randomElement(using: &random) ?? 1024)
    let disk = UInt64([10, 20, 40, 100].randomElement(using: &random) ?? 10)
    let zone = ["zone=a", "zone=b", "zone in (a,c)", "disk=ssd", "disk=ssd,zone!=b"]
    let selector = random.chance(10) ? zone.randomElement(using: &random) : nil
    let group = random.chance(10) ? [name("g\(number / 50)")] : []
    let tolerations = gpu.map { random.chance(2) ? [$0] : [] } ?? []
    return PlacementRequest(
        id: id(2, number), architecture: random.chance(8) ? .arm64 : .amd64,
        demand: Capacity(cpus: cpus, memoryMiB: memory, diskGiB: disk),
        wish: try PlacementWish(hosts: selector, tolerations: Set(tolerations), antiAffinity: Set(group)),
        project: id(9, 1), image: random.chance(20) ? id(4, Int.random(in: 0..<20, using: &random)) : nil)
}

func place(_ hosts: Int, _ vms: Int, _ seed: UInt64) throws -> String {
    var random = Generator(state: seed)
    var fleet: [PlacementHost] = []
    for number in 0..<hosts { fleet.append(try host(number, &random)) }
    var requests: [PlacementRequest] = []
    for number in 0..<2 * vms { requests.append(try request(number, &random)) }
    var placer = Placer(PlacementPolicy(.pack), hosts: fleet)
    _ = placer.free(on: fleet[0].id)
    let clock = ContinuousClock()
    var placed = 0
    let first = clock.measure { for request in requests[..<vms] where placer.place(request) != nil { placed += 1 } }
    let victims = (0..<vms).shuffled(using: &random)
    let second = clock.measure {
        for (number, victim) in victims.enumerated() {
            placer.remove(vm: requests[victim].id)
            if placer.place(requests[vms + number]) != nil { placed += 1 }
        }
    }
    let (perSecond, churn) = (Int(Double(vms) / (first / .seconds(1))), Int(Double(vms) / (second / .seconds(1))))
    return
        #"{"perSecond":\#(perSecond),"churn":\#(churn),"refused":\#(2 * vms - placed),"inUse":\#(placer.hostsInUse)}"#
}

func smallCase(_ random: inout Generator) -> String {
    func capacity(_ range: ClosedRange<UInt64>, _ disk: UInt64) -> Capacity {
        Capacity(
            cpus: .random(in: range, using: &random), memoryMiB: 1024 * .random(in: range, using: &random),
            diskGiB: disk)
    }
    func text(_ capacity: Capacity) -> String { "[\(capacity.cpus),\(capacity.memoryMiB),\(capacity.diskGiB)]" }
    let hosts = (0..<12).map {
        PlacementHost(id: id(1, $0), architecture: .amd64, allocatable: capacity(8...32, 500))
    }
    let vms = (0..<Int.random(in: 8...16, using: &random)).map {
        PlacementRequest(id: id(2, $0), architecture: .amd64, demand: capacity(1...8, 10), project: id(9, 1))
    }
    let placer = Placer(PlacementPolicy(.pack), hosts: hosts)
    let together = placer.together(vms)
    var alone = placer
    let placed = vms.count { alone.place($0) != nil }
    return #"{"hosts":[\#(hosts.map { text($0.allocatable) }.joined(separator: ","))],"#
        + #""vms":[\#(vms.map { text($0.demand) }.joined(separator: ","))],"#
        + #""together":\#(Set(together.values).count),"togetherPlaced":\#(together.count),"#
        + #""alone":\#(alone.hostsInUse),"alonePlaced":\#(placed)}"#
}

while let line = readLine() {
    let words = line.split(separator: " ")
    let numbers = words.dropFirst().compactMap { Int($0) }
    switch words.first {
    case "place" where numbers.count == 3: print(try place(numbers[0], numbers[1], UInt64(numbers[2])))
    case "cases" where numbers.count == 2:
        var random = Generator(state: UInt64(numbers[1]))
        for _ in 0..<numbers[0] { print(smallCase(&random)) }
    default: preconditionFailure("no such question: \(line)")
    }
    fflush(nil)
}
