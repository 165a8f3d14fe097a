import Addressing
import NetworkModel
import NetworkPlanning
import NodePorts
import NodePortsTesting
import Resources
import Testing

/// A small cloud seen from one host: values with names that stay the same in every run.
enum Fixture {
    static func id(_ kind: UInt8, _ number: Int) -> ResourceID {
        let digits = String(number, radix: 16)
        let text = "0000000\(kind)-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
        // Names of devices are made from the first bytes: the number must be among them.
        let mixed = String(repeating: "0", count: max(0, 8 - digits.count)) + digits
        return value { try #require(ResourceID("\(mixed)\(text.dropFirst(8))")) }
    }

    static let underlay = interface("u0")
    static let vtep = address("fd00:a::1")
    static let host = HostIdentity(id: id(9, 1), name: name("h1"), vtep: vtep, interface: underlay, generation: 1)

    static func segment(_ number: Int, generation: UInt64 = 1, ipam: IPAM = .none, peers: Set<IPv6Address> = [])
        -> DesiredSegment
    {
        DesiredSegment(
            id: id(1, 0x1000 + number), generation: generation, vni: value { try VNI(UInt32(4096 + number)) },
            group: address("ff15::8b00:\(String(number, radix: 16))"), mtu: value { try MTU(1430) }, ipam: ipam,
            prefix: ipam == .none
                ? nil : value { try IPv6Prefix(parsing: "fd00:b:0:\(String(number, radix: 16))::/64") },
            replication: peers.isEmpty ? .multicast : .unicast, peers: peers)
    }

    static func attachment(_ number: Int, on segment: Int = 1, port: PortKind = .tap) -> DesiredAttachment {
        DesiredAttachment(
            id: id(2, number), generation: 1, segment: id(1, 0x1000 + segment),
            mac: value {
                try MACAddress(
                    parsing: "02:6b:63:00:00:\(number % 0x100 < 16 ? "0" : "")\(String(number % 0x100, radix: 16))")
            },
            addresses: [], port: port)
    }

    static func gateway(_ number: Int, port: DesiredAttachment) -> DesiredGateway {
        DesiredGateway(id: id(3, number), generation: 1, ports: [port.segment: port.id], resolvers: [])
    }

    /// The first update of a connection.
    static func reset(
        _ revision: UInt64, host: HostIdentity = host, segments: [DesiredSegment] = [],
        attachments: [DesiredAttachment] = [], gateways: [DesiredGateway] = []
    ) -> HostUpdate {
        HostUpdate(
            revision: Revision(revision), reset: true, host: host,
            underlay: Underlay.Spec(mtu: value { try MTU(1500) }), vteps: [vtep], segments: segments,
            attachments: attachments, gateways: gateways)
    }

    static func change(
        _ revision: UInt64, segments: [DesiredSegment] = [], attachments: [DesiredAttachment] = [],
        removedSegments: Set<ResourceID> = [], removedAttachments: Set<ResourceID> = []
    ) -> HostUpdate {
        HostUpdate(
            revision: Revision(revision), segments: segments, attachments: attachments,
            removedSegments: removedSegments, removedAttachments: removedAttachments)
    }

    /// A host as an operator hands it over: an underlay interface with its address.
    static func machine() -> InMemoryHost {
        var model = HostModel()
        model.set(underlay, device(mtu: 1500))
        model[nil]?.addresses[underlay] = [InterfaceAddress(vtep, length: 64)]
        return InMemoryHost(model)
    }

    static func device(mtu: Int = 1500, alias: String? = nil) -> HostModel.Device {
        HostModel.Device(
            index: 1000, kind: .other(""),
            settings: LinkSettings(alias: alias, mtu: mtu, isUp: true, ipv6Disabled: false))
    }

    static func interface(_ text: String) -> InterfaceName { value { try InterfaceName(text) } }
    static func address(_ text: String) -> IPv6Address { value { try IPv6Address(parsing: text) } }
    static func name(_ text: String) -> Name { value { try #require(Name(text)) } }
    static func namespace(_ text: String) -> NamespaceName {
        value { try #require(NamespaceName(text)) }
    }

    private static func value<Value>(_ make: () throws -> Value) -> Value {
        do { return try make() } catch { unreachable("\(error)") }
    }
}

func unreachable(_ text: String) -> Never { preconditionFailure("the fixture is wrong: \(text)") }
