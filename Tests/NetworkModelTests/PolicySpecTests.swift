import Addressing
import FoundationEssentials
import NetworkModel
import Resources
import Testing

/// Policies and what they are made of, as a user writes them.
@Suite struct PolicySpecTests {
    private func read<Value: JSONReadable>(_ text: String, as type: Value.Type = Value.self) throws -> Value {
        try Value(json: JSONParser.parse(Array(text.utf8)), path: "spec")
    }

    private func expectRefusal<Value: JSONReadable>(of text: String, as type: Value.Type, field: String) {
        do {
            _ = try read(text, as: type)
            Issue.record("accepted: \(text)")
        } catch let error as FieldError {
            #expect(error.field == field, "\(text): \(error)")
            #expect(!error.rule.isEmpty)
        } catch {
            Issue.record("\(text): \(error)")
        }
    }

    @Test(arguments: [
        #"{"ingress":[]}"#, #"{"ingress":[],"egress":[]}"#,
        #"{"ingress":[{"protocol":"tcp","ports":["22","80-90"],"from":[{"prefix":"::/0"}],"log":true,"rate":5}]}"#,
        #"{"ingress":[{"protocol":"icmpv6","types":[128,139]}],"egress":[{"protocol":"any","to":[{"policy":"db"}]}]}"#,
        #"{"ingress":[{"protocol":"esp"},{"protocol":"sctp","ports":["5060"]}],"egress":[{"protocol":"udp","to":[{"prefix":"ff02::fb/128"}]}]}"#,
    ])
    func `policies are read and written alike`(text: String) throws {
        let spec: Policy.Spec = try read(text)
        #expect(String(decoding: spec.json, as: UTF8.self) == text)
    }

    @Test func `ports may be numbers and in any order, and an absent list means none`() throws {
        let spec: Policy.Spec = try read(#"{"ingress":[{"protocol":"tcp","ports":[443,"80",22]}]}"#)
        #expect(spec.ingress[0].ports.map(\.description) == ["22", "80", "443"])
        #expect(spec.egress == nil)
        #expect(try read("{}", as: Policy.Spec.self) == Policy.Spec())
    }

    @Test(arguments: [
        (#"{"ingress":[{}]}"#, "spec.ingress[0].protocol"), (#"{"ingress":{}}"#, "spec.ingress"),
        (#"{"ingres":[]}"#, "spec.ingres"), (#"{"ingress":[{"protocol":"http"}]}"#, "spec.ingress[0].protocol"),
        (#"{"ingress":[{"protocol":"tcp","port":["1"]}]}"#, "spec.ingress[0].port"),
        (#"{"ingress":[{"protocol":"tcp","ports":["0"]}]}"#, "spec.ingress[0].ports[0]"),
        (#"{"ingress":[{"protocol":"tcp","ports":["65536"]}]}"#, "spec.ingress[0].ports[0]"),
        (#"{"ingress":[{"protocol":"tcp","ports":["9-8"]}]}"#, "spec.ingress[0].ports[0]"),
        (#"{"ingress":[{"protocol":"tcp","ports":["22;drop"]}]}"#, "spec.ingress[0].ports[0]"),
        (#"{"ingress":[{"protocol":"tcp","ports":["+22"]}]}"#, "spec.ingress[0].ports[0]"),
        (#"{"ingress":[{"protocol":"tcp","ports":["22","20-30"]}]}"#, "spec.ingress[0].ports"),
        (#"{"ingress":[{"protocol":"tcp","ports":["30","20-30"]}]}"#, "spec.ingress[0].ports"),
        (#"{"ingress":[{"protocol":"esp","ports":["22"]}]}"#, "spec.ingress[0].ports"),
        (#"{"ingress":[{"protocol":"any","ports":["22"]}]}"#, "spec.ingress[0].ports"),
        (#"{"ingress":[{"protocol":"tcp","types":[128]}]}"#, "spec.ingress[0].types"),
        (#"{"ingress":[{"protocol":"icmpv6","types":[256]}]}"#, "spec.ingress[0].types[0]"),
        (#"{"ingress":[{"protocol":"icmpv6","types":[128,134]}]}"#, "spec.ingress[0].types[1]"),
        (#"{"ingress":[{"protocol":"icmpv6","types":[128,128]}]}"#, "spec.ingress[0].types"),
        (#"{"ingress":[{"protocol":"tcp","to":[{"prefix":"::/0"}]}]}"#, "spec.ingress[0].to"),
        (#"{"egress":[{"protocol":"tcp","from":[{"prefix":"::/0"}]}]}"#, "spec.egress[0].from"),
        (#"{"ingress":[{"protocol":"tcp","from":[]}]}"#, "spec.ingress[0].from"),
        (#"{"ingress":[{"protocol":"tcp","from":["::/0"]}]}"#, "spec.ingress[0].from[0]"),
        (#"{"ingress":[{"protocol":"tcp","from":[{}]}]}"#, "spec.ingress[0].from[0]"),
        (#"{"ingress":[{"protocol":"tcp","from":[{"prefix":"::/0","policy":"a"}]}]}"#, "spec.ingress[0].from[0]"),
        (#"{"ingress":[{"protocol":"tcp","from":[{"prefix":"fd00::1/64"}]}]}"#, "spec.ingress[0].from[0].prefix"),
        (#"{"ingress":[{"protocol":"tcp","from":[{"prefix":"10.0.0.1/8"}]}]}"#, "spec.ingress[0].from[0].prefix"),
        (#"{"ingress":[{"protocol":"tcp","from":[{"prefix":"ff02::1/128"}]}]}"#, "spec.ingress[0].from[0].prefix"),
        (#"{"ingress":[{"protocol":"tcp","from":[{"policy":"a} ; flush"}]}]}"#, "spec.ingress[0].from[0].policy"),
        (#"{"ingress":[{"protocol":"tcp","from":[{"policy":"a"},{"policy":"a"}]}]}"#, "spec.ingress[0].from"),
        (#"{"ingress":[{"protocol":"tcp","rate":0}]}"#, "spec.ingress[0].rate"),
        (#"{"ingress":[{"protocol":"tcp","rate":1000001}]}"#, "spec.ingress[0].rate"),
        (#"{"ingress":[{"protocol":"tcp","log":"yes"}]}"#, "spec.ingress[0].log"),
    ])
    func `policies that make no sense are refused by field`(text: String, field: String) {
        expectRefusal(of: text, as: Policy.Spec.self, field: field)
    }

    @Test func `what is at its default is left out, so that an older program reads it`() throws {
        let plain: NetworkModel.Attachment.Spec = try read(
            #"{"segment":"s","policies":["allow-segment"],"learnedAddresses":16}"#)
        #expect(String(decoding: plain.json, as: UTF8.self) == #"{"segment":"s","addresses":[],"port":{"type":"tap"}}"#)
        let text =
            #"{"segment":"s","addresses":[],"port":{"type":"tap"},"policies":["deny-in","web"],"#
            + #""allowedAddresses":["::/0"],"limits":{"in":{"bandwidth":64000},"out":{"newFlowsPerSecond":1}},"#
            + #""learnedAddresses":0}"#
        let full: NetworkModel.Attachment.Spec = try read(text)
        #expect(String(decoding: full.json, as: UTF8.self) == text)
    }

    @Test func `members of policies stand for peers, and anyone is not nobody`() throws {
        func id(_ number: UInt8) -> ResourceID {
            ResourceID(UUID(uuid: (number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))
        }
        var snapshot = HostSnapshot(
            revision: Revision(1),
            host: HostIdentity(
                id: id(1), name: try #require(Name("h")), vtep: .loopback, interface: try InterfaceName("u0"),
                generation: 1),
            underlay: Underlay.Spec(mtu: try MTU(1500)))
        snapshot.members = [
            id(2): [try IPv6Address(parsing: "fd00::2"), try IPv6Address(parsing: "fd00::1")], id(3): [],
        ]
        func peers(_ peers: [PolicyPeer]?) -> [String]? {
            snapshot.peers(of: PolicyRule(.tcp, peers: peers))?.map(\.description)
        }
        #expect(peers(nil) == nil)
        #expect(peers([.members(.id(id(3)))]) == [])
        let wide = try IPv6Prefix(parsing: "fd00::/16")
        #expect(peers([.members(.id(id(2))), .prefix(wide)]) == ["fd00::/16", "fd00::1/128", "fd00::2/128"])
        let update = try HostUpdate(json: JSONParser.parse(snapshot.asUpdate.json), path: "")
        #expect(try HostSnapshot(update) == snapshot)
    }

    @Test func `a binding table is merged address by address, and goes with its segment`() throws {
        func id(_ number: UInt8) -> ResourceID {
            ResourceID(UUID(uuid: (number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))
        }
        func binding(_ text: String) throws -> Binding {
            Binding(
                address: try IPv6Address(parsing: text), attachment: id(5), host: id(1), origin: .learned,
                since: Revision(3))
        }
        var snapshot = HostSnapshot(
            revision: Revision(1),
            host: HostIdentity(
                id: id(1), name: try #require(Name("h")), vtep: .loopback, interface: try InterfaceName("u0"),
                generation: 1),
            underlay: Underlay.Spec(mtu: try MTU(1500)))
        func merge(_ update: HostUpdate) throws {
            snapshot.merge(try HostUpdate(json: JSONParser.parse(update.json), path: ""))
        }
        let one = try binding("fd00::1")
        let two = try binding("fd00::2")
        try merge(HostUpdate(revision: Revision(2), bindings: [BindingChange(segment: id(7), reset: true, put: [one])]))
        try merge(
            HostUpdate(
                revision: Revision(3), bindings: [BindingChange(segment: id(7), put: [two], removed: [one.address])]))
        #expect(snapshot.bindings == [id(7): [two.address: two]])
        try merge(HostUpdate(revision: Revision(4), bindings: [BindingChange(segment: id(7), reset: true)]))
        #expect(snapshot.bindings.isEmpty)
        try merge(HostUpdate(revision: Revision(5), bindings: [BindingChange(segment: id(7), put: [one])]))
        try merge(HostUpdate(revision: Revision(6), removedSegments: [id(7)]))
        #expect(snapshot.bindings.isEmpty)
        #expect(!HostUpdate(revision: Revision(7), removedProbes: [id(9)]).isBookmark)
    }
}
