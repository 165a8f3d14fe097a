package import Addressing
package import NFTables

/// The elements of all sets that the agent fills, by whom they are about.
package struct FilterContent: Hashable, Sendable {
    /// No owner without elements.
    package private(set) var owners: [GuardOwner: Set<GuardElement>] = [:]
    /// The owners that are ports.
    package private(set) var ports: Set<InterfaceName> = []
    /// The owners that are profiles.
    package private(set) var profiles: Set<UInt32> = []

    package init() {}

    package init(_ elements: some Sequence<GuardElement>) { add(elements) }

    package var isEmpty: Bool { owners.isEmpty }

    package var elements: some Sequence<GuardElement> { owners.values.lazy.joined() }

    /// Empty for whom there is nothing.
    package subscript(owner: GuardOwner) -> Set<GuardElement> {
        get { owners[owner] ?? [] }
        set {
            owners[owner] = newValue.isEmpty ? nil : newValue
            note(owner)
        }
    }

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
            if owners[owner]?.insert(element) == nil {
                owners[owner] = [element]
                note(owner)
            }
        }
    }

    package mutating func remove(_ elements: some Sequence<GuardElement>) {
        for element in elements {
            guard let owner = element.owner, owners[owner]?.remove(element) != nil else { continue }
            if owners[owner]?.isEmpty == true {
                owners[owner] = nil
                note(owner)
            }
        }
    }

    private mutating func note(_ owner: GuardOwner) {
        let isThere = owners[owner] != nil
        switch owner {
        case .port(let name): if isThere { ports.insert(name) } else { ports.remove(name) }
        case .profile(let number): if isThere { profiles.insert(number) } else { profiles.remove(number) }
        case .segment, .rates, .tunnels: break
        }
    }
}
