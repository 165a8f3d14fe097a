import Addressing
import Diagnosis
import NetworkModel
import Resources

/// A way between two hosts on which everything is right; tests break it.
enum Healthy {
    static func address(_ text: String) -> IPv6Address { value { try IPv6Address(parsing: text) } }
    static func interface(_ text: String) -> InterfaceName { value { try InterfaceName(text) } }
    static func mac(_ number: Int) -> MACAddress { MACAddress(0x026b_6300_0000 | UInt64(number)) }

    static func id(_ number: UInt8) -> ResourceID {
        guard let id = ResourceID("000000\(number < 10 ? "0" : "")\(number)-0000-4000-8000-000000000000") else {
            preconditionFailure("the fixture is wrong")
        }
        return id
    }

    static let vni = value { try VNI(300) }
    static let segment = PathWorld.Segment(
        name: "blue", vni: vni, group: address("ff15::8b00:2c"), mtu: value { try MTU(1430) }, replication: .multicast)
    static let underlay = Underlay.Spec(mtu: value { try MTU(1500) })

    static func world(elapsed: Duration = .milliseconds(1200)) -> PathWorld {
        PathWorld(
            from: end(1), to: end(2), flow: .echo, segment: segment, underlay: underlay, elapsed: elapsed,
            router: PathWorld.Router(name: "edge", mac: mac(9), prefix: prefix("2001:db8:1::/64")),
            resolver: address("2001:db8:1::53"), asked: Timestamp(milliseconds: 1_000_000))
    }

    static func prefix(_ text: String) -> IPv6Prefix { value { try IPv6Prefix(parsing: text) } }

    /// As the segment's gateway advertises itself.
    static let router = RouterFinding(
        address: address("fe80::1"), mac: mac(9), lifetime: 1800, prefixes: [prefix("2001:db8:1::/64")])

    static func vtep(_ number: UInt8) -> IPv6Address { address("fd0a::\(number)") }
    static func port(_ number: UInt8) -> InterfaceName { interface("kctaaaaaaaaa\(number)") }

    static func end(_ number: UInt8) -> PathWorld.End {
        PathWorld.End(
            name: number == 1 ? "web" : "db",
            host: PathWorld.Host(
                id: id(number), name: "h\(number)", vtep: vtep(number), interface: interface("eth0"), isUp: true,
                answer: .done(findings(number))),
            guest: PathWorld.Guest(
                id: id(10 + number), port: port(number), mac: mac(Int(number)), address: address("fd00::\(number)"),
                policies: ["allow-segment"]))
    }

    static func findings(_ number: UInt8) -> PathFindings {
        let peer: UInt8 = 3 - number
        let bridge = InterfaceName.bridge(vni)
        func device(
            _ name: InterfaceName, _ role: DeviceFinding.Role, of attachment: ResourceID? = nil, mtu: Int = 1430,
            master: InterfaceName? = nil,
            vxlan: VXLANFinding? = nil
        ) -> DeviceFinding {
            DeviceFinding(
                name: name, role: role, attachment: attachment, exists: true, isUp: true, isRunning: true, mtu: mtu,
                master: master,
                vxlan: vxlan)
        }
        let settings = VXLANFinding(
            vni: vni, group: segment.group, local: vtep(number), link: interface("eth0"), port: 4789, hopLimit: 64,
            floods: [])
        return PathFindings(
            revision: Revision(7),
            underlay: UnderlayFinding(
                hasAddress: true, routeInterface: interface("eth0"), nextHop: nil, neighbour: .reachable,
                neighbourMAC: mac(0x100 + Int(peer)), ownMAC: mac(0x100 + Int(number))),
            devices: [
                device(interface("eth0"), .underlay, mtu: 1500), device(bridge, .bridge),
                device(.vxlan(vni), .vxlan, master: bridge, vxlan: settings),
                device(port(number), .port, of: id(10 + number), master: bridge),
            ],
            entries: [
                ForwardingFinding(device: .vxlan(vni), mac: mac(Int(peer)), destination: vtep(peer)),
                ForwardingFinding(device: .vxlan(vni), mac: mac(Int(peer)), destination: nil),
                ForwardingFinding(device: port(number), mac: mac(Int(number)), destination: nil),
            ], hasJoined: true,
            tallies: [
                ProbeTally(.echo, sent: 10, onWire: 10, microseconds: 210),
                ProbeTally(.largeEcho, sent: 10, onWire: 10, microseconds: 230),
                ProbeTally(.unicast, sent: 10, onWire: 9, delivered: 9, expected: 9),
                ProbeTally(.largeUnicast, sent: 10, onWire: 9, delivered: 9, expected: 9),
                ProbeTally(.flood, sent: 10, onWire: 9, delivered: 9, expected: 9),
                ProbeTally(.marked, sent: 6, delivered: 6, expected: 6),
                ProbeTally(.largeMarked, sent: 6, delivered: 6, expected: 6),
                ProbeTally(.segment, sent: 36, delivered: 36, expected: 36),
                ProbeTally(.solicitation, sent: 6, delivered: 6, expected: 6),
            ],
            guests: [
                GuestFinding(
                    attachment: id(10 + number), isNeighbour: true, answersEcho: true, isPresent: true,
                    routers: [router], names: NamesFinding(own: 3, asked: 0),
                    answersTo: mac(Int(peer)))
            ], time: Timestamp(milliseconds: 1_000_400), isGuarded: true,
            passage: PassageFinding(left: 12, entered: 12, solicitationsLeft: 6, solicitationsEntered: 6))
    }

    private static func value<Value>(_ make: () throws -> Value) -> Value {
        do { return try make() } catch { preconditionFailure("the fixture is wrong: \(error)") }
    }
}

/// The end of a way that a test breaks.
enum Side: CaseIterable { case from, to }

extension PathWorld {
    /// Changes what the agent of one end found.
    mutating func change(_ side: Side, _ body: (inout PathFindings) -> Void) {
        func changed(_ answer: Answer) -> Answer {
            guard case .done(var findings) = answer else { return answer }
            body(&findings)
            return .done(findings)
        }
        switch side {
        case .from: from.host.answer = changed(from.host.answer)
        case .to: to.host.answer = changed(to.host.answer)
        }
    }

    mutating func tally(_ side: Side, _ kinds: ProbeTally.Kind..., body: (inout ProbeTally) -> Void) {
        change(side) { findings in
            for index in findings.tallies.indices where kinds.contains(findings.tallies[index].kind) {
                body(&findings.tallies[index])
            }
        }
    }

    mutating func device(_ side: Side, _ role: DeviceFinding.Role, _ body: (inout DeviceFinding) -> Void) {
        change(side) { findings in
            findings.devices = Set(
                findings.devices.map { device in
                    var device = device
                    if device.role == role { body(&device) }
                    return device
                })
        }
    }
}
