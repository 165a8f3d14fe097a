package import Addressing
package import NFTables

/// What a program before the guard may mark of ports' frames: TCP and UDP of guests and routers that the guard passes with
/// that mark at once, with nothing to remember and nothing to count.
///
/// Follows from the elements of the guard, and says nothing that they do not.
package struct SimpleFrames: Sendable {
    /// Those of one port, all alike.
    package struct Record: Hashable, Sendable {
        /// The MAC and the ethertype, from the most significant byte on as they stand in a frame.
        package var macAndType: UInt64
        /// Own addresses, sorted, at most eight; nil: any, of a router.
        package var sources: [IPv6Address]?
        /// The upper halves of destinations: at most two.
        package var networks: Set<UInt64>
        /// To any one receiver.
        package var isEverywhere: Bool
        package var mark: UInt32

        /// What struct guard_port has room for (Sources/CBPF/guard_layout.h).
        package static let mostSources = 8
        static let mostNetworks = 2
    }

    /// What there is of each port that has any.
    private var elements: [InterfaceName: Set<GuardElement>] = [:]

    package init() {}

    package init(_ elements: some Sequence<GuardElement>) { add(elements) }

    package var ports: some Collection<InterfaceName> { elements.keys }

    /// The ports that some of these elements are about.
    package static func ports(of elements: [GuardElement]) -> Set<InterfaceName> {
        Set(elements.lazy.filter { sets.contains($0.set) }.compactMap(\.port))
    }

    package mutating func add(_ added: some Sequence<GuardElement>) {
        for element in added where Self.sets.contains(element.set) {
            if let port = element.port { elements[port, default: []].insert(element) }
        }
    }

    package mutating func remove(_ removed: some Sequence<GuardElement>) {
        for element in removed where Self.sets.contains(element.set) {
            guard let port = element.port, elements[port]?.remove(element) != nil else { continue }
            if elements[port]?.isEmpty == true { elements[port] = nil }
        }
    }

    /// Of these ports alone.
    package func only(_ ports: Set<InterfaceName>) -> SimpleFrames {
        var some = SimpleFrames()
        for port in ports { some.elements[port] = elements[port] }
        return some
    }

    /// Of these ports what `other` has of them.
    package mutating func replace(_ ports: Set<InterfaceName>, by other: SimpleFrames) {
        for port in ports { elements[port] = other.elements[port] }
    }

    /// What is simple of a port; nil: nothing.
    package func record(of port: InterfaceName) -> Record? {
        var found = Reading()
        for element in elements[port] ?? [] { found.take(element) }
        return found.record
    }

    private static let sets: Set<GuardSet> = [.fast, .own, .ports]
}

/// The elements of one port while they are looked through.
private struct Reading {
    private struct Source: Hashable {
        var macAndType: UInt64
        var address: IPv6Address
    }

    private struct Way: Hashable {
        var networks: Set<UInt64> = []
        var isEverywhere = false
    }

    private var ways: [Source: Way] = [:]
    /// What the guard treats in another way somewhere.
    private var others: Set<Source> = []
    private var isOther = false
    private var routers: Set<UInt64> = []

    mutating func take(_ element: GuardElement) {
        guard let parts = element.set.set.parts(of: element.element.key), parts.count > 1,
            case .number(let macAndType) = parts[1], case .mark(let mark) = element.element.value
        else { return }
        if element.set == .ports {
            if mark == NFTables.Way.gateway.mark { routers.insert(macAndType) } else { isOther = true }
            return
        }
        guard parts.count > 2, case .address(let address) = parts[2] else { return }
        let source = Source(macAndType: macAndType, address: address)
        switch (element.set, mark) {
        case (.own, NFTables.Way.open.mark): ways[source, default: Way()].isEverywhere = true
        case (.fast, NFTables.Way.inside.mark):
            if parts.count == 4, case .number(let network) = parts[3] {
                ways[source, default: Way()].networks.insert(network)
            }
        case (.own, _): isOther = true
        default: others.insert(source)
        }
    }

    var record: SimpleFrames.Record? {
        // A port with addresses of its own is asked about these first.
        if ways.isEmpty, others.isEmpty, !isOther, routers.count == 1, let macAndType = routers.first {
            return .init(
                macAndType: macAndType, sources: nil, networks: [], isEverywhere: true,
                mark: KCRuleset.FrameMark.outside)
        }
        var alike: [Way: Set<Source>] = [:]
        for (source, way) in ways
        where !others.contains(source) && way.networks.count <= SimpleFrames.Record.mostNetworks {
            alike[way, default: []].insert(source)
        }
        // A port's addresses are alike; should they not be, more of them are looked at by the guard than need be.
        guard alike.count == 1, let (way, sources) = alike.first, let macAndType = sources.first?.macAndType,
            sources.allSatisfy({ $0.macAndType == macAndType })
        else { return nil }
        return .init(
            macAndType: macAndType,
            sources: Array(sources.map(\.address).sorted().prefix(SimpleFrames.Record.mostSources)),
            networks: way.networks, isEverywhere: way.isEverywhere, mark: KCRuleset.FrameMark.member)
    }
}

extension GuardElement {
    fileprivate var port: InterfaceName? { if case .port(let name) = owner { name } else { nil } }
}
