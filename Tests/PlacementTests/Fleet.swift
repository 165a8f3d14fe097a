import ComputeModel
import Placement
import Resources
import SeededRandomness

/// Ids, names and random fleets.
enum Fleet {
    static func id(_ kind: Int, _ number: Int) -> ResourceID {
        let digits = String(number, radix: 16)
        let padded = String(repeating: "0", count: 7 - digits.count) + digits
        guard let id = ResourceID("\(kind)\(padded)-0000-4000-8000-000000000000") else { preconditionFailure("id") }
        return id
    }

    static func name(_ text: String) -> Name {
        guard let name = Name(text) else { preconditionFailure("name \(text)") }
        return name
    }

    static func key(_ text: String) -> TaintKey {
        guard let key = TaintKey(text) else { preconditionFailure("key \(text)") }
        return key
    }

    static func labels(_ values: [(String, String)]) -> Labels {
        var labels = Labels()
        // Words that are good labels, as they stand here.
        for (key, value) in values { try? labels.set(key, value) }
        return labels
    }

    static func host(_ number: Int, _ cpus: UInt64, _ memoryMiB: UInt64, _ diskGiB: UInt64 = 1000) -> PlacementHost {
        PlacementHost(
            id: id(1, number), architecture: .amd64,
            allocatable: Capacity(cpus: cpus, memoryMiB: memoryMiB, diskGiB: diskGiB))
    }

    static func request(_ number: Int, _ cpus: UInt64, _ memoryMiB: UInt64, _ diskGiB: UInt64 = 10) -> PlacementRequest
    {
        PlacementRequest(
            id: id(2, number), architecture: .amd64,
            demand: Capacity(cpus: cpus, memoryMiB: memoryMiB, diskGiB: diskGiB), project: id(9, 1))
    }

    // MARK: at random

    static func host(_ number: Int, using random: inout SeededGenerator) -> PlacementHost {
        let size = UInt64.random(in: 1...4, using: &random)
        var host = host(number, 4 * size, 8192 * size, 100 * UInt64.random(in: 1...4, using: &random))
        if random.chance(10) { host.architecture = .arm64 }
        if random.chance(3) { host.allocatable.memoryMiB = 0 }
        host.labels = labels([("zone", ["a", "b", "c"][number % 3]), ("name", "h\(number)")])
        if random.chance(10) { host.taints.append(Taint(key("gpu"), effect: .refuse)) }
        if random.chance(15) { host.taints.append(Taint(key("old"), effect: .avoid)) }
        if random.chance(8) {
            host.state = [.cordoned, .drained, .draining(vms: 1), .unknown].randomElement(using: &random) ?? .cordoned
        }
        if random.chance(15) { host.unreachable = [id(3, Int.random(in: 0..<4, using: &random))] }
        for image in 0..<4 where random.chance(30) { host.images.insert(id(4, image)) }
        return host
    }

    static func request(_ number: Int, using random: inout SeededGenerator) -> PlacementRequest {
        let cpus = UInt64.random(in: 0...6, using: &random)
        var request = request(number, cpus, 512 * UInt64.random(in: 0...20, using: &random), 5 * cpus)
        if random.chance(10) { request.architecture = .arm64 }
        if random.chance(10) { request.project = id(9, 2) }
        let selector: String? =
            random.chance(70)
            ? nil : ["zone=a", "zone!=b", "zone in (b,c)", "name=h3", "gpu"].randomElement(using: &random)
        let tolerations = [key("gpu"), key("old")].filter { _ in random.chance(20) }
        let groups = [name("db"), name("web"), name("x")].filter { _ in random.chance(8) }
        // All the selectors above are good ones.
        if let wish = try? PlacementWish(hosts: selector, tolerations: Set(tolerations), antiAffinity: Set(groups)) {
            request.wish = wish
        }
        for segment in 0..<4 where random.chance(20) { request.segments.insert(id(3, segment)) }
        if random.chance(50) {
            request.image = id(4, Int.random(in: 0..<6, using: &random))
            request.needsLocalImage = random.chance(20)
        }
        return request
    }
}
