import Addressing
import Glibc
import NetworkModel
import NetworkNode
import Resources
import SeededRandomness
import Testing

/// Two hosts and an API between which everything is late: whatever happens, at rest every address has one holder, and
/// everybody knows the same one.
@Suite struct BindingPropertyTests {
    /// KC_SEEDS multiplies them for long runs.
    static let worlds = 200 * (getenv("KC_SEEDS").flatMap { Int(String(cString: $0)) } ?? 1)

    @Test func `two hosts that claim at random agree at rest on one holder of each address`() throws {
        var generator = SeededGenerator(printedFor: "two hosts that claim at random")
        for _ in 0..<Self.worlds {
            var world = try World(&generator)
            for _ in 0..<Int.random(in: 20...200, using: &generator) { try world.step(&generator) }
            world.settle()
            let complaint = world.complaint
            #expect(complaint == nil, "\(complaint ?? "")")
            if complaint != nil { return }
        }
    }

    @Test func `without the API's last word they would not agree`() throws {
        // The property can fail: both grant the same address while neither knows of the other.
        var generator = SeededGenerator(seed: 1)
        var world = try World(&generator)
        for host in 0..<2 { world.claim(7, host: host) }
        #expect(world.holders(of: 7).count == 2)
        world.settle()
        #expect(world.holders(of: 7).count == 1)
    }
}

/// Few addresses, so that claims collide.
private struct World {
    struct HostSide {
        let id: ResourceID
        var table: BindingTable
        /// What the agent would have kept on disk.
        var kept: HostSnapshot
        /// On their way to the API: whole lists, oldest first.
        var publications: [LearnedAddresses] = []
        /// On their way from the API.
        var updates: [HostUpdate] = []
    }

    static let segment = Fixture.segment(1, ipam: .automatic)
    static let addresses = 8

    var hosts: [HostSide] = []
    /// Where each attachment is bound; nil: deleted.
    var places: [ResourceID: Int] = [:]
    let attachments: [DesiredAttachment]
    /// The store's table.
    var stored: [IPv6Address: Binding] = [:]
    var revision: UInt64 = 10
    var now = ContinuousClock.now

    init(_ generator: inout some RandomNumberGenerator) throws {
        var attachments = (1...4).map { Fixture.attachment($0) }
        for index in attachments.indices { attachments[index].learnedAddressLimit = 3 }
        self.attachments = attachments
        for number in 0..<2 {
            let id = Fixture.id(9, number + 1)
            var identity = Fixture.host
            identity.id = id
            let mine = attachments.enumerated().filter { $0.offset % 2 == number }.map(\.element)
            for attachment in mine { places[attachment.id] = number }
            let snapshot = try HostSnapshot(
                Fixture.reset(1, host: identity, segments: [Self.segment], attachments: mine))
            hosts.append(HostSide(id: id, table: BindingTable(snapshot, at: now), kept: snapshot))
        }
    }

    static func address(_ number: Int) -> IPv6Address {
        IPv6Address(high: segment.prefix?.address.high ?? 0, low: UInt64(number + 1))
    }

    mutating func step(_ generator: inout SeededGenerator) throws {
        let host = Int.random(in: 0..<2, using: &generator)
        switch Int.random(in: 0..<100, using: &generator) {
        case ..<45: claim(Int.random(in: 0..<Self.addresses, using: &generator), host: host, &generator)
        case ..<60: publish(host)
        case ..<72: arrive(host)
        case ..<86: deliver(host)
        case ..<90: move(&generator)
        case ..<94:
            now += .seconds(3700)
            if generator.chance(30) { hosts[host].table.age(at: now) }
            apply(host)
        case ..<97: restart(host)
        default: reconnect(host)
        }
    }

    // MARK: Hosts

    mutating func claim(_ number: Int, host: Int, _ generator: inout SeededGenerator) {
        guard let attachment = places.filter({ $0.value == host }).keys.sorted().randomElement(using: &generator) else {
            return
        }
        _ = hosts[host].table.claim(Self.address(number), by: attachment, at: now)
        apply(host)
    }

    mutating func claim(_ number: Int, host: Int) {
        guard let attachment = places.filter({ $0.value == host }).keys.min() else { return }
        _ = hosts[host].table.claim(Self.address(number), by: attachment, at: now)
        apply(host)
    }

    /// What the agent does with changes: they become desired, and are kept.
    mutating func apply(_ host: Int) {
        let changes = hosts[host].table.takeChanges()
        hosts[host].kept.merge(HostUpdate(revision: hosts[host].kept.revision, bindings: changes))
    }

    mutating func publish(_ host: Int) {
        guard hosts[host].table.takeUnpublished().contains(Self.segment.id) else { return }
        hosts[host].publications.append(hosts[host].table.publication(of: Self.segment.id))
    }

    mutating func deliver(_ host: Int) {
        guard !hosts[host].updates.isEmpty else { return }
        let update = hosts[host].table.take(hosts[host].updates.removeFirst(), at: now)
        if update.reset {
            do { hosts[host].kept = try HostSnapshot(update) } catch { Issue.record("\(error)") }
        } else {
            hosts[host].kept.merge(update)
        }
    }

    /// The agent dies and starts with what it kept; what was on its way to the API is lost or not.
    mutating func restart(_ host: Int) {
        hosts[host].publications = []
        hosts[host].updates = []
        hosts[host].table = BindingTable(hosts[host].kept, at: now)
        reconnect(host)
    }

    /// A new connection begins with everything.
    mutating func reconnect(_ host: Int) {
        var identity = Fixture.host
        identity.id = hosts[host].id
        var reset = Fixture.reset(
            revision, host: identity, segments: [Self.segment],
            attachments: attachments.filter { places[$0.id] == host })
        let table = stored.values.sorted { $0.address < $1.address }
        reset.bindings = [BindingChange(segment: Self.segment.id, reset: true, put: table)]
        hosts[host].updates = [reset]
        hosts[host].table.publishAgain()
    }

    // MARK: The API

    /// A publication reaches the store: this host's whole list; who has an address keeps it.
    mutating func arrive(_ host: Int) {
        guard !hosts[host].publications.isEmpty else { return }
        let list = hosts[host].publications.removeFirst().addresses.flatMap { attachment, addresses in
            addresses.sorted().map { (address: $0, attachment: attachment) }
        }
        revision += 1
        var change = BindingChange(segment: Self.segment.id)
        let wanted = Set(list.map(\.address))
        for (address, binding) in stored where binding.host == hosts[host].id && !wanted.contains(address) {
            stored[address] = nil
            change.removed.insert(address)
        }
        var refused: [RefusedAddress] = []
        for learned in list {
            guard places[learned.attachment] == host else {
                refused.append(
                    RefusedAddress(attachment: learned.attachment, address: learned.address, reason: .notHere))
                continue
            }
            if let holder = stored[learned.address], holder.attachment != learned.attachment {
                refused.append(
                    RefusedAddress(
                        attachment: learned.attachment, address: learned.address, reason: .held, holder: holder))
                continue
            }
            guard stored[learned.address]?.host != hosts[host].id else { continue }
            let binding = Binding(
                address: learned.address, attachment: learned.attachment, host: hosts[host].id, origin: .learned,
                since: Revision(revision))
            stored[learned.address] = binding
            change.put.append(binding)
        }
        hosts[host].table.refuse(refused, in: Self.segment.id)
        apply(host)
        tell(HostUpdate(revision: Revision(revision), bindings: [change]))
    }

    private mutating func tell(_ update: HostUpdate) {
        for host in hosts.indices { hosts[host].updates.append(update) }
    }

    /// An attachment is bound to the other host.
    private mutating func move(_ generator: inout SeededGenerator) {
        let index = Int.random(in: attachments.indices, using: &generator)
        let id = attachments[index].id
        let from = places[id] ?? 0
        places[id] = 1 - from
        revision += 1
        hosts[from].updates.append(HostUpdate(revision: Revision(revision), removedAttachments: [id]))
        hosts[1 - from].updates.append(HostUpdate(revision: Revision(revision), attachments: [attachments[index]]))
    }

    // MARK: At rest

    /// Everything arrives, until nothing is on its way.
    mutating func settle() {
        for _ in 0..<100 {
            for host in hosts.indices {
                while !hosts[host].updates.isEmpty { deliver(host) }
                apply(host)
                publish(host)
                while !hosts[host].publications.isEmpty { arrive(host) }
            }
            if hosts.allSatisfy({ $0.updates.isEmpty && $0.publications.isEmpty && !$0.table.hasUnpublished }) {
                return
            }
        }
    }

    func holders(of number: Int) -> Set<ResourceID> {
        let address = Self.address(number)
        return Set(
            hosts.flatMap { $0.table.publication(of: Self.segment.id).addresses }.filter { $0.value.contains(address) }
                .map(\.key))
    }

    /// What is wrong at rest; nil when nothing is.
    var complaint: String? {
        for number in 0..<Self.addresses where holders(of: number).count > 1 {
            return "\(Self.address(number)) has \(holders(of: number).count) holders"
        }
        let own = hosts.flatMap { side in
            side.table.publication(of: Self.segment.id).addresses.flatMap { attachment, addresses in
                addresses.map { "\($0) \(attachment) \(side.id)" }
            }
        }
        let listed = stored.values.map { "\($0.address) \($0.attachment) \($0.host?.description ?? "")" }
        if own.sorted() != listed.sorted() {
            return "hosts have \(own.sorted()), the API has \(listed.sorted())"
        }
        for side in hosts {
            let acted = side.table.bindings(of: Self.segment.id)
            if acted != stored.values.sorted(by: { $0.address < $1.address }) {
                return "\(side.id) acts on \(acted), and the API has \(stored)"
            }
            let kept = side.kept.bindings[Self.segment.id] ?? [:]
            if kept != stored { return "\(side.id) kept \(kept), and the API has \(stored)" }
            for id in places.keys where side.table.learned(by: id).count > 3 { return "\(id) has more than 3" }
        }
        for side in hosts.enumerated() {
            for id in side.element.table.publication(of: Self.segment.id).addresses.keys
            where places[id] != side.offset {
                return "\(id) is not on \(side.element.id) and has addresses there"
            }
        }
        return nil
    }
}
