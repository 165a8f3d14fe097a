import Addressing
import NetworkModel
import NetworkNode
import Resources
import Testing

/// The table of learned addresses: one guest's claim after the other, with the clock as a value.
@Suite struct BindingTableTests {
    static let start = ContinuousClock.now
    static let other = Fixture.id(9, 2)

    static func snapshot(
        _ attachments: [DesiredAttachment], bindings: [Binding] = [], ipam: IPAM = .automatic
    ) throws -> HostSnapshot {
        let segment = Fixture.segment(1, ipam: ipam)
        var update = Fixture.reset(1, segments: [segment], attachments: attachments)
        update.bindings = [BindingChange(segment: segment.id, reset: true, put: bindings)]
        return try HostSnapshot(update)
    }

    static let segment = Fixture.segment(1, ipam: .automatic).id

    static func table(_ attachments: [DesiredAttachment], bindings: [Binding] = []) throws -> BindingTable {
        BindingTable(try snapshot(attachments, bindings: bindings), at: start)
    }

    static func address(_ number: Int) -> IPv6Address { Fixture.address("fd00:b:0:1::\(String(number, radix: 16))") }

    static func held(
        _ address: IPv6Address, by attachment: ResourceID, host: ResourceID = other,
        origin: AttachmentAddress.Origin = .learned, since: UInt64 = 1
    ) -> Binding {
        Binding(address: address, attachment: attachment, host: host, origin: origin, since: Revision(since))
    }

    @Test func `the first claim of a free address is granted, told to planning, and published`() throws {
        let guest = Fixture.attachment(1)
        var table = try Self.table([guest])
        #expect(table.takeChanges().isEmpty)
        #expect(table.claim(Self.address(0x77), by: guest.id, at: Self.start) == .granted)
        let mine = Binding(
            address: Self.address(0x77), attachment: guest.id, host: Fixture.host.id, origin: .learned,
            since: BindingTable.unconfirmed)
        #expect(table.takeChanges() == [BindingChange(segment: Self.segment, put: [mine])])
        #expect(table.takeUnpublished() == [Self.segment])
        #expect(table.publication(of: Self.segment) == LearnedAddresses([guest.id: [Self.address(0x77)]]))
        #expect(table.claim(Self.address(0x77), by: guest.id, at: Self.start) == .known)
        #expect(table.takeChanges().isEmpty)
        #expect(table.takeUnpublished().isEmpty)
    }

    @Test func `nobody gets what another holds, here or elsewhere`() throws {
        var first = Fixture.attachment(1)
        first.addresses = [AttachmentAddress(Self.address(1), origin: .static)]
        let second = Fixture.attachment(2)
        let far = Fixture.id(2, 99)
        var table = try Self.table([first, second], bindings: [Self.held(Self.address(5), by: far)])
        #expect(table.claim(Self.address(1), by: second.id, at: Self.start) == .refused(.held))
        #expect(table.claim(Self.address(5), by: second.id, at: Self.start) == .refused(.held))
        #expect(table.claim(Self.address(6), by: first.id, at: Self.start) == .granted)
        #expect(table.claim(Self.address(6), by: second.id, at: Self.start) == .refused(.held))
        #expect(table.claim(.linkLocal(first.mac), by: second.id, at: Self.start) == .refused(.held))
        #expect(table.claim(.linkLocal(first.mac), by: first.id, at: Self.start) == .known)
        // The identifier of a neighbour that has not started yet.
        let unseen = IPv6Address(
            high: Self.address(1).high, low: MACAddress(second.mac.value + 0x55).modifiedEUI64)
        #expect(table.claim(unseen, by: second.id, at: Self.start) == .refused(.held))
        #expect(table.counters.refused == [.held: 5])
    }

    @Test func `nobody learns what others may use without holding it, whoever comes first`() throws {
        var router = Fixture.attachment(1)
        let guest = Fixture.attachment(2)
        let shared = try [IPv6Prefix(parsing: "fd00:b:0:1::50/128"), IPv6Prefix(parsing: "fe80::50/128")]
        router.allowedAddresses = shared
        var segment = Fixture.segment(1, ipam: .automatic)
        segment.shared = shared
        var table = BindingTable(
            try HostSnapshot(Fixture.reset(1, segments: [segment], attachments: [router, guest])), at: Self.start)
        for address in shared.map(\.address) {
            #expect(table.claim(address, by: guest.id, at: Self.start) == .refused(.held), "\(address)")
            #expect(table.claim(address, by: router.id, at: Self.start) == .known, "\(address)")
        }
        #expect(table.takeUnpublished().isEmpty)
        // Whoever may use it is on another host, and then nobody may any more.
        var update = HostUpdate(revision: Revision(2), segments: [segment])
        update.removedAttachments = [router.id]
        _ = table.take(update, at: Self.start)
        #expect(table.claim(shared[0].address, by: guest.id, at: Self.start) == .refused(.held))
        segment.shared = []
        _ = table.take(HostUpdate(revision: Revision(3), segments: [segment]), at: Self.start)
        #expect(table.claim(shared[0].address, by: guest.id, at: Self.start) == .granted)
    }

    @Test(arguments: [
        "fe80::1", "ff02::1", "::", "::1", "fd00:b:0:2::7", "2001:db8::1", "fd00:b:0:1::", "fe80:0:0:1::5",
        "fd00:b:0:1:fdff:ffff:ffff:ff80", "fd00:b:0:1:fdff:ffff:ffff:ffff",
    ])
    func `an address that is no guest's is refused`(_ text: String) throws {
        let guest = Fixture.attachment(1)
        var table = try Self.table([guest])
        #expect(table.claim(Fixture.address(text), by: guest.id, at: Self.start) == .refused(.outside))
        #expect(table.takeChanges().isEmpty)
    }

    @Test func `a segment without addresses learns none`() throws {
        let guest = Fixture.attachment(1)
        var table = BindingTable(try Self.snapshot([guest], ipam: .none), at: Self.start)
        #expect(table.claim(Fixture.address("fe80::7"), by: guest.id, at: Self.start) == .refused(.unknown))
    }

    @Test func `a full attachment gets a new address only for one that is not in use`() throws {
        var guest = Fixture.attachment(1)
        guest.learnedAddressLimit = 16
        var table = try Self.table([guest])
        for number in 1...16 {
            #expect(table.claim(Self.address(number), by: guest.id, at: Self.start) == .granted)
        }
        #expect(table.claim(Self.address(17), by: guest.id, at: Self.start) == .refused(.full))
        let later = Self.start + .seconds(3600)
        for number in 1...16 where number != 5 && number != 9 {
            table.see(Self.address(number), by: guest.id, at: later - .seconds(1))
        }
        table.see(Self.address(9), by: guest.id, at: Self.start + .seconds(5))
        #expect(table.claim(Self.address(17), by: guest.id, at: later - .seconds(1)) == .refused(.full))
        _ = table.takeChanges()
        #expect(table.claim(Self.address(17), by: guest.id, at: later) == .granted)
        let change = try #require(table.takeChanges().first)
        #expect(change.removed == [Self.address(5)])
        #expect(change.put.map(\.address) == [Self.address(17)])
        #expect(table.learned(by: guest.id).count == 16)
        #expect(table.counters.evicted == 1)
    }

    @Test func `who claimed more than it may have is short of addresses until one goes or more are allowed`() throws {
        var guest = Fixture.attachment(1)
        guest.learnedAddressLimit = 2
        var table = try Self.table([guest])
        for number in 1...2 { _ = table.claim(Self.address(number), by: guest.id, at: Self.start) }
        #expect(table.shortage(of: guest.id) == nil)
        #expect(table.takeTurned().isEmpty)
        for _ in 0..<2 { _ = table.claim(Self.address(3), by: guest.id, at: Self.start) }
        #expect(table.shortage(of: guest.id)?.contains("all 2") == true)
        #expect(table.takeTurned() == [guest.id])
        #expect(table.takeTurned().isEmpty)
        guest.learnedAddressLimit = 3
        _ = table.take(HostUpdate(revision: Revision(2), attachments: [guest]), at: Self.start)
        #expect(table.shortage(of: guest.id) == nil)
        for number in 3...4 { _ = table.claim(Self.address(number), by: guest.id, at: Self.start) }
        #expect(table.takeTurned() == [guest.id])
        table.age(at: Self.start + .seconds(4 * 3600))
        #expect(table.shortage(of: guest.id) == nil)
        #expect(table.takeTurned() == [guest.id])
        guest.learnedAddressLimit = 0
        _ = table.take(HostUpdate(revision: Revision(3), attachments: [guest]), at: Self.start)
        _ = table.claim(Self.address(9), by: guest.id, at: Self.start)
        #expect(table.shortage(of: guest.id)?.contains("may have none") == true)
    }

    @Test func `what is not seen for four hours is released, and can be had again`() throws {
        let guest = Fixture.attachment(1)
        var table = try Self.table([guest])
        _ = table.claim(Self.address(1), by: guest.id, at: Self.start)
        _ = table.claim(Self.address(2), by: guest.id, at: Self.start)
        let hours = Self.start + .seconds(4 * 3600)
        table.see(Self.address(2), by: guest.id, at: hours - .seconds(60))
        table.age(at: hours - .seconds(1))
        #expect(table.count == 2)
        table.age(at: hours)
        #expect(table.learned(by: guest.id) == [Self.address(2)])
        #expect(table.claim(Self.address(1), by: guest.id, at: hours) == .granted)
    }

    @Test func `when the API says that another has it, it is withdrawn`() throws {
        let guest = Fixture.attachment(1)
        var table = try Self.table([guest])
        _ = table.claim(Self.address(1), by: guest.id, at: Self.start)
        _ = table.claim(Self.address(2), by: guest.id, at: Self.start)
        _ = table.takeChanges()
        table.refuse(
            [RefusedAddress(attachment: guest.id, address: Self.address(2), reason: .held)], in: Self.segment)
        #expect(table.takeChanges() == [BindingChange(segment: Self.segment, removed: [Self.address(2)])])
        let theirs = Self.held(Self.address(1), by: Fixture.id(2, 99))
        let update = table.take(
            HostUpdate(revision: Revision(5), bindings: [BindingChange(segment: Self.segment, put: [theirs])]),
            at: Self.start)
        #expect(update.bindings == [BindingChange(segment: Self.segment, put: [theirs])])
        #expect(table.publication(of: Self.segment).count == 0)
        #expect(table.counters.withdrawn == 2)
    }

    @Test func `an attachment that goes takes its addresses with it, and one that comes brings them`() throws {
        let guest = Fixture.attachment(1)
        var table = try Self.table([guest], bindings: [Self.held(Self.address(1), by: guest.id)])
        // Listed by the host it came from: it is this host's now, and published as such.
        #expect(table.learned(by: guest.id) == [Self.address(1)])
        #expect(table.takeUnpublished() == [Self.segment])
        _ = table.takeChanges()
        _ = table.take(
            HostUpdate(revision: Revision(6), removedAttachments: [guest.id]), at: Self.start)
        #expect(table.count == 0)
        #expect(table.publication(of: Self.segment).count == 0)
        #expect(table.takeUnpublished() == [Self.segment])
    }

    @Test func `what was released here does not come back by the API's old list`() throws {
        let guest = Fixture.attachment(1)
        let mine = Self.held(Self.address(1), by: guest.id, host: Fixture.host.id, since: 3)
        var table = try Self.table([guest], bindings: [mine])
        #expect(table.learned(by: guest.id) == [Self.address(1)])
        table.age(at: Self.start + .seconds(5 * 3600))
        let again = table.take(
            HostUpdate(
                revision: Revision(7),
                bindings: [
                    BindingChange(
                        segment: Self.segment,
                        put: [Self.held(Self.address(1), by: guest.id, host: Fixture.host.id, since: 4)])
                ]), at: Self.start)
        #expect(table.learned(by: guest.id).isEmpty)
        #expect(again.bindings.first?.put.isEmpty == true)
        // The API has forgotten it; from then on it is free for anybody.
        _ = table.take(
            HostUpdate(
                revision: Revision(8), bindings: [BindingChange(segment: Self.segment, removed: [Self.address(1)])]),
            at: Self.start)
        #expect(table.claim(Self.address(1), by: guest.id, at: Self.start) == .granted)
    }

    @Test func `what the API has as this host's and no guest here holds is given back`() throws {
        var guest = Fixture.attachment(1)
        guest.learnedAddressLimit = 1
        let gone = Fixture.id(2, 99)
        var table = try Self.table([guest])
        #expect(table.claim(Self.address(1), by: guest.id, at: Self.start) == .granted)
        #expect(table.takeUnpublished() == [Self.segment])
        // Published by an agent that ended before it could say that they were released: of a guest that is full, and of
        // one that is not here.
        let old = [
            Self.held(Self.address(2), by: guest.id, host: Fixture.host.id),
            Self.held(Self.address(3), by: gone, host: Fixture.host.id),
        ]
        for binding in old {
            _ = table.take(
                HostUpdate(revision: Revision(2), bindings: [BindingChange(segment: Self.segment, put: [binding])]),
                at: Self.start)
            #expect(table.takeUnpublished() == [Self.segment], "\(binding)")
        }
        #expect(table.publication(of: Self.segment) == LearnedAddresses([guest.id: [Self.address(1)]]))
        // Its own word that comes back is nothing new.
        let own = Self.held(Self.address(1), by: guest.id, host: Fixture.host.id)
        _ = table.take(
            HostUpdate(revision: Revision(3), bindings: [BindingChange(segment: Self.segment, put: [own])]),
            at: Self.start)
        #expect(table.takeUnpublished().isEmpty)
    }

    @Test func `a snapshot that was kept gives an agent that starts again what the one before had`() throws {
        let guest = Fixture.attachment(1)
        var table = try Self.table([guest])
        _ = table.claim(Self.address(1), by: guest.id, at: Self.start)
        var kept = try Self.snapshot([guest])
        kept.merge(HostUpdate(revision: Revision(1), bindings: table.takeChanges()))
        var next = BindingTable(kept, at: Self.start)
        #expect(next.bindings(of: Self.segment) == table.bindings(of: Self.segment))
        #expect(next.takeUnpublished() == [Self.segment])
        // An API that never heard of it does not take it away: it is told.
        let reset = next.take(try Self.snapshot([guest]).asUpdate, at: Self.start)
        #expect(reset.bindings.flatMap(\.put).map(\.address) == [Self.address(1)])
        #expect(next.hasUnpublished)
    }
}
