package import Addressing
package import Resources

/// A static route of a machine of the underlay.
package struct UnderlayRoute: Hashable, Sendable {
    package var prefix: IPv6Prefix
    package var gateway: IPv6Address
}

extension Topology {
    /// The routes `machine` needs to every link it has no leg on, by the only way there is (the links are a tree).
    package func routes(of machine: Name) -> [UnderlayRoute] {
        let own = Set(legs.filter { $0.machine == machine }.map(\.link))
        // The first hop toward each link, found by walking outward from the machine's own links.
        var firstHop: [Name: IPv6Address?] = [:]
        for link in own { firstHop[link] = .some(nil) }
        var frontier = links.map(\.name).filter(own.contains)
        while let link = frontier.first {
            frontier.removeFirst()
            for router in routers where router.name != machine {
                guard let near = router.legs.first(where: { $0.link == link }) else { continue }
                for leg in router.legs where firstHop[leg.link] == nil {
                    firstHop[leg.link] = .some((firstHop[link] ?? nil) ?? near.address)
                    frontier.append(leg.link)
                }
            }
        }
        return links.compactMap { link in
            guard case .some(.some(let gateway)) = firstHop[link.name] else { return nil }
            return UnderlayRoute(prefix: link.prefix, gateway: gateway)
        }
    }
}
