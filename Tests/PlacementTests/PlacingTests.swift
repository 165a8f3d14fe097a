import ComputeModel
import Placement
import Resources
import SeededRandomness
import Testing

/// The choice of a host for one VM.
@Suite struct PlacingTests {
    @Test(arguments: [
        PlacementPolicy(.pack), PlacementPolicy(.spread), PlacementPolicy(.pack, fit: 1, localImage: 3, avoid: 2),
    ])
    func `every choice is that of a scan of all hosts, through changes of everything, and in whatever order hosts come`(
        policy: PlacementPolicy
    ) {
        var random = SeededGenerator(printedFor: "placing")
        for _ in 0..<12 {
            let count = [1, 5, 70, 200].randomElement(using: &random) ?? 5
            var slow = SlowPlacer(policy: policy)
            for number in 0..<count { slow.hosts[Fleet.id(1, number)] = Fleet.host(number, using: &random) }
            var placer = Placer(policy, hosts: slow.hosts.values.sorted { $0.id < $1.id })
            var shuffled = Placer(policy)
            for host in slow.hosts.values.shuffled(using: &random) { shuffled.set(host) }
            var next = 0
            for step in 0..<300 {
                switch Int.random(in: 0..<20, using: &random) {
                case 0..<14:
                    let request = Fleet.request(next, using: &random)
                    next += 1
                    let expected = slow.choose(request)
                    let choice = placer.place(request)
                    #expect(choice == expected, "step \(step), \(count) hosts: \(request)")
                    #expect(shuffled.place(request) == expected)
                    if let expected { slow.placed[request.id] = (request, expected.host) }
                    guard step % 7 == 0 else { continue }
                    var without = slow
                    without.placed[request.id] = nil
                    let suitable = without.hosts.values.filter { without.suits($0, request) }.map(\.id).sorted()
                    #expect(placer.explain(request).suitable == suitable)
                case 14..<17:
                    guard let vm = slow.placed.keys.sorted().randomElement(using: &random) else { continue }
                    slow.placed[vm] = nil
                    placer.remove(vm: vm)
                    shuffled.remove(vm: vm)
                case 17, 18:
                    // Of the same size, mostly; sometimes of another, below what is promised already.
                    let number = Int.random(in: 0..<count, using: &random)
                    var host = Fleet.host(number, using: &random)
                    if random.chance(80), let old = slow.hosts[host.id] { host.allocatable = old.allocatable }
                    slow.hosts[host.id] = host
                    placer.set(host)
                    shuffled.set(host)
                default:
                    let request = Fleet.request(next, using: &random)
                    next += 1
                    let host = Fleet.id(1, Int.random(in: 0...count, using: &random))
                    let isKnown = slow.hosts[host] != nil
                    #expect(placer.record(request, on: host) == isKnown)
                    #expect(shuffled.record(request, on: host) == isKnown)
                    if isKnown { slow.placed[request.id] = (request, host) }
                }
            }
        }
    }

    @Test func `pack fills the host that is fullest and has the room, and opens the largest empty one`() {
        var placer = Placer(
            PlacementPolicy(.pack), hosts: [Fleet.host(1, 8, 8192), Fleet.host(2, 16, 16384), Fleet.host(3, 8, 8192)])
        #expect(placer.place(Fleet.request(1, 2, 2048))?.host == Fleet.id(1, 2))
        #expect(placer.place(Fleet.request(2, 14, 1024))?.host == Fleet.id(1, 2))
        #expect(placer.place(Fleet.request(3, 1, 1024))?.host == Fleet.id(1, 1))
        #expect(placer.hostsInUse == 2)
    }

    @Test func `spread takes the emptiest host`() {
        var placer = Placer(PlacementPolicy(.spread), hosts: (1...4).map { Fleet.host($0, 8, 8192) })
        let hosts = (1...8).compactMap { placer.place(Fleet.request($0, 1, 1024))?.host }
        #expect(hosts == ([1, 2, 3, 4, 1, 2, 3, 4].map { Fleet.id(1, $0) }))
    }

    @Test func `no anti-affinity group has two VMs on one host, and another project's group of that name is another`()
        throws
    {
        var placer = Placer(PlacementPolicy(.pack), hosts: (1...2).map { Fleet.host($0, 8, 8192) })
        var request = Fleet.request(1, 1, 1024)
        request.wish = try PlacementWish(hosts: nil, antiAffinity: [Fleet.name("db")])
        var hosts: [ResourceID?] = []
        for number in 1...3 {
            request.id = Fleet.id(2, number)
            hosts.append(placer.place(request)?.host)
        }
        #expect(hosts == [Fleet.id(1, 1), Fleet.id(1, 2), nil])
        #expect(placer.explain(request).summary == "2 hosts: 2 have a VM of the group db")
        request.project = Fleet.id(9, 2)
        #expect(placer.place(request)?.host == Fleet.id(1, 1))
        placer.remove(vm: Fleet.id(2, 1))
        request.project = Fleet.id(9, 1)
        request.id = Fleet.id(2, 9)
        #expect(placer.place(request)?.host == Fleet.id(1, 1))
    }

    @Test func `a rejection is explained host by host, and in a sentence`() throws {
        var hosts = [Fleet.host(1, 8, 2048), Fleet.host(2, 8, 1024), Fleet.host(3, 8, 8192)]
        hosts[2].state = .cordoned
        var placer = Placer(PlacementPolicy(.pack), hosts: hosts)
        var request = Fleet.request(1, 1, 4096)
        #expect(placer.place(request) == nil)
        #expect(
            placer.explain(request).summary
                == "3 hosts: 2 lack memory (need 4096 MiB, at most 2048 free), 1 is cordoned")
        request.architecture = .arm64
        request.segments = [Fleet.id(3, 1)]
        request.wish = try PlacementWish(hosts: "zone=a", tolerations: [])
        hosts[1].unreachable = [Fleet.id(3, 1)]
        hosts[1].taints = [Taint(Fleet.key("gpu"), effect: .refuse)]
        placer.set(hosts[1])
        #expect(
            placer.explain(request).hosts[1].rejections == [
                .architecture(.amd64), .labels, .taint(Fleet.key("gpu")), .segment(Fleet.id(3, 1)),
                .memory(need: 4096, free: 1024),
            ])
        #expect(Placer(PlacementPolicy(.pack)).explain(request).summary == "there are no hosts")
        let fits = placer.explain(Fleet.request(2, 9, 512))
        #expect(
            fits.summary
                == "3 hosts: 1 lacks CPUs (need 9, 8 free), 1 has the taint gpu, 1 is cordoned")
        #expect(
            placer.explain(Fleet.request(2, 1, 512)).summary == "3 hosts: 1 has the taint gpu, 1 is cordoned, 1 will do"
        )
    }

    @Test func `an image that is there and a taint to avoid weigh as the policy says`() {
        var hosts = (1...3).map { Fleet.host($0, 8, 8192) }
        hosts[0].taints = [Taint(Fleet.key("old"), effect: .avoid)]
        hosts[2].images = [Fleet.id(4, 1)]
        var request = Fleet.request(1, 1, 1024)
        request.image = Fleet.id(4, 1)
        var placer = Placer(PlacementPolicy(.spread), hosts: hosts)
        #expect(placer.place(request) == Placer.Choice(host: Fleet.id(1, 3), score: 5_000_000))
        request.id = Fleet.id(2, 2)
        request.demand.memoryMiB = 8192
        #expect(placer.place(request)?.host == Fleet.id(1, 2))
        request.id = Fleet.id(2, 3)
        #expect(placer.place(request) == Placer.Choice(host: Fleet.id(1, 1), score: -4_000_000))
    }

    @Test func `no amount overflows, and what is exceeded has no room`() {
        let endless = Capacity(cpus: .max, memoryMiB: .max, diskGiB: .max)
        var host = Fleet.host(1, 1, 1)
        host.allocatable = endless
        var placer = Placer(PlacementPolicy(.pack), hosts: [host, Fleet.host(2, 4, 4096, 0)])
        var request = Fleet.request(1, .max - 1, .max, 1)
        #expect(placer.place(request)?.host == host.id)
        #expect(placer.free(on: host.id) == Capacity(cpus: 1, memoryMiB: 0, diskGiB: .max - 1))
        request.id = Fleet.id(2, 2)
        #expect(placer.place(request) == nil)
        #expect(placer.record(request, on: host.id) == false)
        #expect(placer.free(on: host.id)?.cpus == 1)
        request.demand = Capacity(cpus: 0, memoryMiB: 0, diskGiB: 0)
        #expect(placer.place(request)?.host == host.id)
        #expect(placer.record(Fleet.request(3, 100, 1, 5), on: Fleet.id(1, 2)) == true)
        #expect(placer.free(on: Fleet.id(1, 2)) == Capacity(cpus: 0, memoryMiB: 4095, diskGiB: 0))
        placer.remove(host: host.id)
        #expect(placer.host(of: Fleet.id(2, 1)) == nil && placer.host(of: Fleet.id(2, 3)) == Fleet.id(1, 2))
    }

    @Test func `a VM that has a place gets no second one`() {
        var placer = Placer(PlacementPolicy(.pack), hosts: [Fleet.host(1, 8, 8192)])
        #expect(placer.place(Fleet.request(1, 1, 1024)) != nil)
        #expect(placer.place(Fleet.request(1, 1, 1024)) == nil)
        #expect(placer.record(Fleet.request(1, 1, 1024), on: Fleet.id(1, 1)) == false)
        #expect(placer.free(on: Fleet.id(1, 1))?.cpus == 7)
    }
}
