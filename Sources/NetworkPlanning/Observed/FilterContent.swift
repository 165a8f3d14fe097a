package import Addressing
package import NFTables

/// The elements of all sets that the agent fills, by whom they are about.
///
/// Who holds which address is kept as addresses: a segment may have thousands, and each new one is looked up among them.
package struct FilterContent: Hashable, Sendable {
    /// No owner without elements; without those of `held`.
    private var sets: [GuardOwner: Set<GuardElement>] = [:]
    /// Addresses that somebody holds, by segment; no segment without any.
    private var addresses: [VNI: Set<IPv6Address>] = [:]
    /// The owners that are ports.
    package private(set) var ports: Set<InterfaceName> = []
    /// The owners that are profiles.
    package private(set) var profiles: Set<UInt32> = []

    package init() {}

    package init(_ elements: some Sequence<GuardElement>) { add(elements) }

    package var isEmpty: Bool { sets.isEmpty && addresses.isEmpty }

    package var elements: some Sequence<GuardElement> {
        [
            AnySequence(sets.values.lazy.joined()),
            AnySequence(addresses.lazy.map { vni, held in held.lazy.map { GuardElement.held($0, on: vni) } }.joined()),
        ].joined()
    }

    /// All of them by owner, no owner without elements. Made anew at each call: for tests and pictures.
    package var owners: [GuardOwner: Set<GuardElement>] {
        Dictionary(grouping: elements) { $0.owner ?? .tunnels }.mapValues(Set.init)
    }

    /// The segments that there is something of.
    package var segments: Set<VNI> {
        var segments = Set(addresses.keys)
        for case .segment(let vni) in sets.keys { segments.insert(vni) }
        return segments
    }

    /// Empty for whom there is nothing.
    package subscript(owner: GuardOwner) -> Set<GuardElement> {
        get {
            guard case .segment(let vni) = owner, let held = addresses[vni] else { return sets[owner] ?? [] }
            return (sets[owner] ?? []).union(held.lazy.map { GuardElement.held($0, on: vni) })
        }
        set {
            if case .segment(let vni) = owner { addresses[vni] = nil }
            sets[owner] = nil
            note(owner)
            add(newValue)
        }
    }

    /// The addresses of a segment that somebody holds.
    package func held(on vni: VNI) -> Set<IPv6Address> { addresses[vni] ?? [] }

    /// What there is of a segment beside its held addresses.
    package func tunnel(of vni: VNI) -> Set<GuardElement> { sets[.segment(vni)] ?? [] }

    /// Who may send VXLAN.
    package var vteps: Set<IPv6Address> {
        Set(
            self[.tunnels].compactMap {
                if case .address(let address) = $0.element.key.value(of: .ipv6Source, at: 0) { address } else { nil }
            })
    }

    /// Elements of no owner are left out: nothing of KC's names them.
    package mutating func add(_ elements: some Sequence<GuardElement>) {
        for element in elements {
            guard let owner = element.owner else { continue }
            if case .segment(let vni) = owner, let address = element.heldAddress {
                addresses[vni, default: []].insert(address)
            } else if sets[owner]?.insert(element) == nil {
                sets[owner] = [element]
                note(owner)
            }
        }
    }

    package mutating func remove(_ elements: some Sequence<GuardElement>) {
        for element in elements {
            guard let owner = element.owner else { continue }
            if case .segment(let vni) = owner, let address = element.heldAddress {
                addresses[vni]?.remove(address)
                if addresses[vni]?.isEmpty == true { addresses[vni] = nil }
                continue
            }
            guard sets[owner]?.remove(element) != nil else { continue }
            if sets[owner]?.isEmpty == true {
                sets[owner] = nil
                note(owner)
            }
        }
    }

    private mutating func note(_ owner: GuardOwner) {
        let isThere = sets[owner] != nil
        switch owner {
        case .port(let name): if isThere { ports.insert(name) } else { ports.remove(name) }
        case .profile(let number): if isThere { profiles.insert(number) } else { profiles.remove(number) }
        case .segment, .rates, .tunnels: break
        }
    }
}
