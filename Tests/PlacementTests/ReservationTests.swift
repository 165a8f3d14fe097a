import ComputeModel
import Placement
import Resources
import SeededRandomness
import Testing

/// Schedulers that decide on what they saw a while ago, over one store.
@Suite struct ReservationTests {
    /// A store in which a transaction compares and writes at once.
    struct Store {
        var revision: UInt64 = 1
        var records: [PlacementReservation.Record: Revision] = [:]
        var places: [ResourceID: ResourceID] = [:]

        mutating func commit(_ reservation: PlacementReservation, ignoring ignored: PlacementReservation.Record? = nil)
            -> Bool
        {
            for precondition in reservation.preconditions {
                switch precondition {
                case .unchanged(let record, let revision):
                    guard record == ignored || records[record] == revision else { return false }
                case .absent(let record): guard records[record] == nil else { return false }
                }
            }
            revision += 1
            for record in reservation.written { records[record] = Revision(revision) }
            places[reservation.vm] = reservation.host
            return true
        }

        mutating func release(_ vm: ResourceID) -> Bool {
            guard let host = places[vm], let seen = records[.place(vm: vm)] else { return false }
            guard commit(PlacementReservation(releasing: vm, from: host, placeSeen: seen)) else { return false }
            places[vm] = nil
            records[.place(vm: vm)] = nil
            return true
        }
    }

    /// How often a host had more than it may be promised, or two VMs of one group.
    static func race(_ random: inout SeededGenerator, seesLoad: Bool) throws -> (broken: Int, refused: Int, placed: Int)
    {
        let hosts = (0..<4).map { Fleet.host($0, 8, 8192) }
        var requests: [ResourceID: PlacementRequest] = [:]
        for number in 0..<60 {
            var request = Fleet.request(number, UInt64.random(in: 1...4, using: &random), 1024)
            if random.chance(30) { request.wish = try PlacementWish(hosts: nil, antiAffinity: [Fleet.name("db")]) }
            requests[request.id] = request
        }
        var store = Store()
        for host in hosts {
            for record in [PlacementReservation.Record.host(host.id), .report(host: host.id), .load(host: host.id)] {
                store.records[record] = Revision(1)
            }
        }
        for vm in requests.keys { store.records[.vm(vm)] = Revision(1) }
        var views = [store, store]
        var (broken, refused, placed) = (0, 0, 0)
        for _ in 0..<400 {
            let scheduler = Int.random(in: 0..<2, using: &random)
            if random.chance(30) { views[scheduler] = store }
            if random.chance(10), let vm = store.places.keys.sorted().randomElement(using: &random) {
                _ = store.release(vm)
            }
            let view = views[scheduler]
            guard let vm = requests.keys.sorted().filter({ view.places[$0] == nil }).randomElement(using: &random),
                let request = requests[vm]
            else { continue }
            var placer = Placer(PlacementPolicy(.pack), hosts: hosts)
            for (vm, host) in view.places { if let request = requests[vm] { _ = placer.record(request, on: host) } }
            guard let host = placer.choose(request)?.host else { continue }
            func seen(_ record: PlacementReservation.Record) -> Revision { view.records[record] ?? .zero }
            let reservation = PlacementReservation(
                placing: vm, on: host,
                seen: PlacementReservation.Seen(
                    vm: seen(.vm(vm)), host: seen(.host(host)), report: seen(.report(host: host)),
                    load: seen(.load(host: host))))
            if store.commit(reservation, ignoring: seesLoad ? nil : .load(host: host)) {
                placed += 1
            } else {
                refused += 1
            }
            for host in hosts {
                let there = store.places.filter { $0.value == host.id }.compactMap { requests[$0.key] }
                let cpus = there.reduce(0) { $0 + $1.demand.cpus }
                if cpus > host.allocatable.cpus || there.count(where: { !$0.wish.antiAffinity.isEmpty }) > 1 {
                    broken += 1
                }
            }
        }
        return (broken, refused, placed)
    }

    @Test func `two schedulers that race never over-book a host nor break a group, and both get on`() throws {
        var random = SeededGenerator(printedFor: "reservations")
        var (refused, broken) = (0, 0)
        for _ in 0..<10 {
            let result = try Self.race(&random, seesLoad: true)
            #expect(result.broken == 0)
            #expect(result.placed > 10)
            refused += result.refused
            broken += try Self.race(&random, seesLoad: false).broken
        }
        #expect(refused > 0, "nobody raced")
        #expect(broken > 0, "without the load's revision nothing breaks: it would prove nothing")
    }

    @Test func `a VM gets one place, and only as it was seen`() {
        let (vm, host) = (Fleet.id(2, 1), Fleet.id(1, 1))
        var store = Store()
        for record in [PlacementReservation.Record.vm(vm), .host(host), .report(host: host), .load(host: host)] {
            store.records[record] = Revision(1)
        }
        let one = Revision(1)
        let reservation = PlacementReservation(
            placing: vm, on: host, seen: PlacementReservation.Seen(vm: one, host: one, report: one, load: one))
        for record in [PlacementReservation.Record.vm(vm), .host(host), .report(host: host), .load(host: host)] {
            var changed = store
            changed.records[record] = Revision(2)
            #expect(changed.commit(reservation) == false, "committed though \(record) had changed")
        }
        #expect(store.commit(reservation) == true)
        #expect(store.commit(reservation) == false)
        #expect(store.commit(reservation, ignoring: .load(host: host)) == false, "a second place for one VM")
        #expect(store.release(vm) == true)
        #expect(store.records[.load(host: host)] == Revision(3))
    }
}
