import Addressing
import FoundationEssentials
import NetworkModel
import Resources
import Testing

/// Updates merge into a snapshot in order, and both survive their JSON.
@Suite struct HostUpdateTests {
    private func id(_ number: UInt8) -> ResourceID {
        ResourceID(UUID(uuid: (number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))
    }

    private func snapshot() throws -> HostSnapshot {
        let segment = DesiredSegment(
            id: id(1), generation: 2, vni: try VNI(300), group: MulticastGroups.standard.group(for: try VNI(300)),
            mtu: try MTU(1430), ipam: .automatic, prefix: try IPv6Prefix(parsing: "fd00:1::/64"), replication: .unicast,
            peers: [try IPv6Address(parsing: "fd00::2")])
        let attachment = DesiredAttachment(
            id: id(2), generation: 1, segment: id(1), mac: try MACAddress(parsing: "02:6b:63:00:00:01"),
            addresses: [AttachmentAddress(try IPv6Address(parsing: "fd00:1::5"), origin: .static)],
            port: .namespace(try #require(NamespaceName("web")), interface: try InterfaceName("eth0")))
        let gateway = DesiredGateway(
            id: id(3), generation: 1, ports: [id(1): id(4)], resolvers: [try IPv6Address(parsing: "fd00::53")])
        return HostSnapshot(
            revision: Revision(7),
            host: HostIdentity(
                id: id(9), name: try #require(Name("h1")), vtep: try IPv6Address(parsing: "fd00::1"),
                interface: try InterfaceName("eth0"), generation: 1),
            underlay: Underlay.Spec(mtu: try MTU(1500)), vteps: [try IPv6Address(parsing: "fd00::1")],
            segments: [id(1): segment], attachments: [id(2): attachment], gateways: [id(3): gateway])
    }

    @Test func `a snapshot survives its JSON`() throws {
        let snapshot = try snapshot()
        let update = try HostUpdate(json: JSONParser.parse(snapshot.asUpdate.json), path: "")
        #expect(try HostSnapshot(update) == snapshot)
    }

    @Test func `puts replace, removals remove, all else stays`() throws {
        var snapshot = try snapshot()
        var attachment = try #require(snapshot.attachments[id(2)])
        attachment.port = .tap
        let update = HostUpdate(
            revision: Revision(9), vteps: [], attachments: [attachment], removedSegments: [id(1)],
            removedGateways: [id(3)])
        snapshot.merge(try HostUpdate(json: JSONParser.parse(update.json), path: ""))
        #expect(snapshot.revision == Revision(9))
        #expect(snapshot.attachments == [id(2): attachment])
        #expect(snapshot.segments.isEmpty && snapshot.gateways.isEmpty && snapshot.vteps.isEmpty)
        #expect(snapshot.host.name.text == "h1")
    }

    @Test func `a bookmark carries a revision alone`() throws {
        let bookmark = HostUpdate(revision: Revision(12))
        #expect(bookmark.isBookmark)
        #expect(String(decoding: bookmark.json, as: UTF8.self) == #"{"revision":12,"reset":false}"#)
        #expect(try HostUpdate(json: JSONParser.parse(bookmark.json), path: "") == bookmark)
        #expect(throws: FieldError.self) { try HostSnapshot(bookmark) }
    }

    @Test(arguments: [
        #"{"reset":true}"#, #"{"revision":1,"extra":1}"#, #"{"revision":1,"removed":{"hosts":[]}}"#,
        #"{"revision":1,"gateways":[{"id":"00000000-0000-0000-0000-000000000000","generation":1,"ports":{"x":"y"}}]}"#,
    ])
    func `an update that is not understood is refused`(text: String) {
        #expect(throws: FieldError.self) { try HostUpdate(json: JSONParser.parse(Array(text.utf8)), path: "") }
    }
}
