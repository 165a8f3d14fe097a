package import Addressing
package import Resources

extension Topology {
    /// One machine's foot on a link.
    package struct Leg: Hashable, Sendable {
        package var machine: Name
        package var link: Name
        package var interface: InterfaceName
        package var address: IPv6Address
        package var mtu: MTU?
    }

    /// Every leg of every machine: routers, the API, members and servers of a cluster, hosts.
    package var legs: [Leg] {
        var legs = routers.flatMap { router in
            router.legs.map {
                Leg(machine: router.name, link: $0.link, interface: $0.interface, address: $0.address, mtu: nil)
            }
        }
        if let name = Name(Self.apiMachine) {
            legs.append(
                Leg(machine: name, link: api.link, interface: api.interface, address: api.address, mtu: nil))
        }
        legs += (cluster?.places ?? []).map {
            Leg(machine: $0.name, link: $0.link, interface: $0.interface, address: $0.address, mtu: nil)
        }
        legs += hosts.map {
            Leg(machine: $0.name, link: $0.link, interface: $0.interface, address: $0.address, mtu: $0.mtu)
        }
        return legs
    }

    /// The names of all machines, links not among them.
    package var machines: [Name] {
        routers.map(\.name) + outside.map(\.name) + [Name(Self.apiMachine)].compactMap(\.self)
            + (cluster?.places.map(\.name) ?? []) + hosts.map(\.name)
    }

    /// Machine and switch names become parts of namespace names and of interface names of 15 bytes.
    static let maximumNameLength = 15

    /// The rules that concern several members at once.
    func check() throws(FieldError) {
        guard !links.isEmpty else { throw FieldError(field: "links", rule: "must be one at least") }
        guard !hosts.isEmpty else { throw FieldError(field: "hosts", rule: "must be one at least") }
        var names: Set<String> = [Self.apiMachine]
        func take(_ name: Name, _ field: String) throws(FieldError) {
            guard name.text.utf8.count <= Self.maximumNameLength else {
                throw FieldError(
                    field: field, value: name.text, rule: "must be at most \(Self.maximumNameLength) characters here")
            }
            guard names.insert(name.text).inserted else {
                throw FieldError(
                    field: field, value: name.text,
                    rule: "must differ from every other link, router and host, and from '\(Self.apiMachine)'")
            }
        }
        for (index, link) in links.enumerated() { try take(link.name, "links[\(index)].name") }
        for (index, router) in routers.enumerated() { try take(router.name, "routers[\(index)].name") }
        for (index, host) in hosts.enumerated() { try take(host.name, "hosts[\(index)].name") }
        for (place, field) in zip(cluster?.places ?? [], clusterFields) { try take(place.name, "\(field).name") }
        for (index, machine) in outside.enumerated() { try take(machine.name, "outside[\(index)].name") }
        for (index, link) in links.enumerated() {
            if let other = links[..<index].first(where: { $0.prefix.overlaps(link.prefix) }) {
                throw FieldError(
                    field: "links[\(index)].prefix", value: link.prefix.description,
                    rule: "must not overlap with the one of link '\(other.name)'")
            }
        }
        try checkLegs()
        try checkTree()
        try checkOutside()
    }

    private var clusterFields: [String] {
        (cluster?.members ?? []).indices.map { "cluster.members[\($0)]" }
            + (cluster?.servers ?? []).indices.map { "cluster.servers[\($0)]" }
    }

    private func checkLegs() throws(FieldError) {
        var addresses: Set<IPv6Address> = []
        var places: Set<[String]> = []
        func check(_ leg: Leg, _ field: String) throws(FieldError) {
            guard let link = links.first(where: { $0.name == leg.link }) else {
                throw FieldError(field: "\(field).link", value: leg.link.text, rule: "must be the name of a link")
            }
            guard link.prefix.contains(leg.address), leg.address != link.prefix.address else {
                throw FieldError(
                    field: "\(field).address", value: leg.address.description,
                    rule: "must be inside \(link.prefix), and not its first address (the anycast of routers)")
            }
            guard addresses.insert(leg.address).inserted else {
                throw FieldError(
                    field: "\(field).address", value: leg.address.description, rule: "must not be given twice")
            }
            guard places.insert(["interface", leg.machine.text, leg.interface.text]).inserted else {
                throw FieldError(
                    field: "\(field).interface", value: leg.interface.text, rule: "must not be given twice")
            }
            guard places.insert(["link", leg.machine.text, leg.link.text]).inserted else {
                throw FieldError(field: "\(field).link", value: leg.link.text, rule: "must not be given twice")
            }
            if let mtu = leg.mtu, mtu > link.mtu {
                throw FieldError(
                    field: "\(field).mtu", value: mtu.description, rule: "must be at most the link's, \(link.mtu)")
            }
        }
        let routerLegs = routers.enumerated().flatMap { index, router in
            router.legs.indices.map { "routers[\(index)].legs[\($0)]" }
        }
        let fields = routerLegs + ["api"] + clusterFields + hosts.indices.map { "hosts[\($0)]" }
        for (leg, field) in zip(legs, fields) { try check(leg, field) }
    }

    /// Links joined by routers must be a tree: static multicast routes around a circle would copy packets without end.
    private func checkTree() throws(FieldError) {
        var reached: Set<Name> = [links[0].name]
        var remaining = routers
        while let index = remaining.firstIndex(where: { $0.legs.contains { reached.contains($0.link) } }) {
            let router = remaining.remove(at: index)
            let known = router.legs.filter { reached.contains($0.link) }
            guard known.count == 1 else {
                throw FieldError(
                    field: "routers", value: router.name.text,
                    rule: "must not close a circle: multicast packets would run in it")
            }
            reached.formUnion(router.legs.map(\.link))
        }
        if let lost = links.first(where: { !reached.contains($0.name) }) {
            throw FieldError(
                field: "routers", value: lost.name.text, rule: "must join every link with every other")
        }
    }
}
