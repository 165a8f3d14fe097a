import Addressing
import FoundationEssentials
import NFTables
import NetworkModel
import NetworkPlanning
import NodePortsTesting
import Resources
import SeededRandomness

/// Makes random hosts and random wishes for them, out of a small world in which things meet often.
///
/// `try!` and `!` stand on literals that are in range: a trap here is a mistake in this file.
struct Scenario {
    var random: SeededGenerator
    var isolation: SeededGenerator
    /// Whether ports have policies, addresses and limits, too: every tenth seed, for they cost the most time.
    let isIsolating: Bool
    /// Whether two resources may want the same thing: then which of them has it depends on who came first.
    let isContentious: Bool
    let segmentIDs: [ResourceID]
    let attachmentIDs: [ResourceID]
    let gatewayIDs: [ResourceID]
    let policyIDs: [ResourceID]
    let host: HostIdentity

    static let underlay = Underlay.Spec(mtu: try! MTU(1500))  // a literal in range
    static let vtep = IPv6Address(high: 0xfd00 << 48, low: 1)

    init(seed: UInt64, isContentious: Bool) {
        random = SeededGenerator(seed: seed)
        isolation = SeededGenerator(seed: ~seed)
        isIsolating = seed.isMultiple(of: 10)
        self.isContentious = isContentious
        segmentIDs = (0..<6).map { Self.id(kind: 1, $0) }
        attachmentIDs = (0..<14).map { Self.id(kind: 2, $0) }
        gatewayIDs = (0..<3).map { Self.id(kind: 3, $0) }
        policyIDs = (0..<4).map { Self.id(kind: 5, $0) }
        host = HostIdentity(
            id: Self.id(kind: 4, 0), name: Name("h1")!, vtep: Self.vtep, interface: name("eth0"), generation: 1)
    }

    static func id(kind: UInt8, _ number: Int) -> ResourceID {
        let n = UInt8(number)
        return ResourceID(UUID(uuid: (n &* 37, kind, n, 1, 2, n, 0x40, 0, 0x80, 0, 0, kind, n, n, n, n)))
    }

    // MARK: Wishes

    mutating func desired() -> HostSnapshot {
        var snapshot = HostSnapshot(revision: Revision(1), host: host, underlay: Self.underlay)
        snapshot.vteps = Set((1...5).filter { _ in random.chance(60) }.map(vtep)).union([Self.vtep])
        var vnis = Array(1...8).shuffled(using: &random)
        for id in segmentIDs where random.chance(75) {
            let vni = isContentious && random.chance(10) ? 3 : vnis.removeLast()
            snapshot.segments[id] = segment(id, vni: vni)
        }
        var externals = [name("ext0"), name("ext1"), name("ext2"), name("ext9")].shuffled(using: &random)
        var places: [(NamespaceName, InterfaceName)] = []
        for namespace in ["web", "db", "absent"] {
            for interface in ["eth0", "eth1"] { places.append((NamespaceName(namespace)!, name(interface))) }
        }
        places.shuffle(using: &random)
        for id in gatewayIDs where random.chance(50) {
            snapshot.gateways[id] = DesiredGateway(
                id: id, generation: 1, ports: [:],
                resolvers: random.chance(50) ? [vtep(9)] : [])
        }
        for id in attachmentIDs where random.chance(70) {
            let segment = segmentIDs.randomElement(using: &random)!
            var port = PortKind.tap
            switch Int.random(in: 0..<10, using: &random) {
            case 0, 1:
                port = .external(
                    isContentious ? externals.randomElement(using: &random)! : externals.popLast() ?? name("ext8"))
            case 2, 3, 4:
                if let place = isContentious ? places.randomElement(using: &random) : places.popLast() {
                    port = .namespace(place.0, interface: place.1)
                }
            case 5, 6:
                let gateway = gatewayIDs.randomElement(using: &random)!
                if snapshot.gateways[gateway]?.ports[segment] == nil {
                    snapshot.gateways[gateway]?.ports[segment] = id
                    port = .gateway(gateway)
                }
            default: break
            }
            snapshot.attachments[id] = DesiredAttachment(
                id: id, generation: 1, segment: segment, mac: MACAddress(UInt64.random(in: 1...99, using: &random)),
                addresses: [], port: port)
        }
        if isIsolating { isolate(&snapshot) }
        return snapshot
    }

    private mutating func segment(_ id: ResourceID, vni: Int) -> DesiredSegment {
        let ipam = IPAM.allCases.randomElement(using: &random)!
        let replication = Replication.allCases.randomElement(using: &random)!
        return DesiredSegment(
            id: id, generation: 1, vni: try! VNI(vni), group: MulticastGroups.standard.group(for: try! VNI(vni)),
            mtu: try! MTU(random.chance(90) ? 1430 : 1400), ipam: ipam,
            prefix: ipam == .none
                ? nil : IPv6Prefix(containing: IPv6Address(high: 0xfd11 << 48 | UInt64(vni), low: 0), length: 64),
            replication: replication,
            peers: replication == .unicast ? Set((2...5).filter { _ in random.chance(50) }.map(vtep)) : [])
    }

    // MARK: Hosts

    /// A host on which KC never was, with an operator's things, some of them in the way.
    mutating func host(isHostile: Bool = true) -> HostModel {
        var model = HostModel()
        func add(
            _ text: String, _ kind: LinkKind = .other(""), in namespace: NamespaceName? = nil, mtu: Int = 1500,
            alias: String? = nil, master: String? = nil, isUp: Bool = true, ipv6Disabled: Bool = false
        ) {
            model.set(
                name(text), in: namespace,
                HostModel.Device(
                    index: model.takeIndex(), kind: kind,
                    settings: LinkSettings(
                        alias: alias, mtu: mtu, master: master.map(name), isUp: isUp, ipv6Disabled: ipv6Disabled)))
        }
        add("eth0", mtu: isHostile && random.chance(10) ? 1480 : 1500)
        model[nil]?.addresses[name("eth0")] = [InterfaceAddress(Self.vtep, length: 64)]
        model[nil]?.routed = [name("eth0")]
        add("br0", .bridge)
        add("ext0", alias: random.chance(50) ? "uplink to the world" : nil, isUp: random.chance(50))
        add("ext1", ipv6Disabled: random.chance(50))
        add("ext2", mtu: random.chance(70) ? 9000 : 1400, master: isHostile && random.chance(20) ? "br0" : nil)
        for namespace in ["web", "db"] {
            model.createNamespace(NamespaceName(namespace)!)
            if isHostile, random.chance(20) { add("eth0", in: NamespaceName(namespace)!) }
        }
        guard isHostile else { return model }
        if random.chance(20) { model[nil]?.addresses[name("ext1")] = [InterfaceAddress(vtep(77), length: 64)] }
        if random.chance(20) { model[nil]?.routed.insert(name("ext0")) }
        if random.chance(20) { add("kcb000002", .bridge, isUp: false) }
        if random.chance(20) { add("kcx000005", .bridge, alias: "kc:not/ours") }
        if random.chance(20) { add("kct" + base32(attachmentIDs[0].bytes, length: 10), .tap) }
        if random.chance(20) { add("wan", .other(""), alias: "kc:segment/\(segmentIDs[0])") }
        if random.chance(20) {
            add(
                "vx6",
                .vxlan(
                    VXLANSettings(
                        vni: try! VNI(6), group: nil, local: Self.vtep, link: name("eth0"), port: 4789, hopLimit: 1)))
        }
        if random.chance(20) {
            let namespace = NamespaceName.gateway(gatewayIDs[0])
            model.createNamespace(namespace)
            add("stranger", .bridge, in: namespace)
        }
        model.createNamespace(NamespaceName("kcg-foreign")!)
        return model
    }

    /// What may happen to a host behind the agent's back, to KC's own things and those they stand on.
    mutating func disturb(_ model: inout HostModel) {
        let ours = model[nil]!.devices.filter {
            DeviceMark.prefix == $0.value.settings.alias.map { String($0.prefix(3)) }
        }
        for name in ours.keys.sorted() where random.chance(25) {
            guard var device = model[nil]?.devices[name] else { continue }
            let isExternal = name.text.hasPrefix("ext")
            switch Int.random(in: 0..<9, using: &random) {
            case 0 where !isExternal: model.removeDevice(name, in: nil)
            case 1: device.settings.master = nil
            case 2: device.settings.isUp = false
            case 3: device.settings.mtu = isExternal ? device.settings.mtu : 1280
            case 4: device.settings.ipv6Disabled = false
            case 5 where device.kind == .bridge: device.settings.multicastSnooping = true
            case 6:
                if case .vxlan(var settings) = device.kind {
                    settings.hopLimit = 3
                    device.kind = .vxlan(settings)
                }
            case 7: device.settings.takesMembers.toggle()
            default: continue
            }
            if model[nil]?.devices[name] != nil { model.set(name, device) }
        }
        if random.chance(20) { model.filter = HostModel().filter }
        if random.chance(20) { model.filter.digest = "older" }
        if random.chance(20) { model.filter.content.add([.ready(name("kctstray"))]) }
        if random.chance(20) {
            model.filter.content.add([GuardElement(.vteps, GuardSet.vteps.set.element(.address(vtep(99))))])
        }
        if random.chance(20) { for port in model.filter.ready { model.filter.content[.port(port)] = [] } }
        for namespace in model.namespaces.keys.sorted() where random.chance(10) {
            if ["web", "db"].contains(namespace.text)
                || namespace.text.hasPrefix("kcg-") && namespace.text != "kcg-foreign"
            {
                if model[namespace]?.devices[name("stranger")] == nil,
                    model[namespace]?.devices[name("eth0")]?.peer != nil
                        || namespace.text.hasPrefix("kcg-")
                {
                    model.deleteNamespace(namespace)
                }
            }
        }
        if random.chance(20) {
            var left = HostModel.Device(
                index: model.takeIndex(), kind: .bridge, settings: LinkSettings(mtu: 1500, isUp: false))
            left.isUnfinished = true
            let place = name("kcb00000\(Int.random(in: 1...9, using: &random))")
            if model[nil]?.devices[place] == nil { model.set(place, left) }
        }
    }

    func vtep(_ number: Int) -> IPv6Address { IPv6Address(high: 0xfd00 << 48, low: UInt64(number)) }
}

/// For literals in tests: a trap is a mistake in the test's own text.
func name(_ text: String) -> InterfaceName { try! InterfaceName(text) }
