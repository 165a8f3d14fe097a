package import Addressing

/// The sets that the agent fills, in both tables.
package enum GuardSet: UInt8, Hashable, Sendable, CaseIterable {
    case ready, fast, own, ports, layer2, externals, targets, allowed, allowedTargets, macs, gateways, segments
    case claimable, held, to, admitted, onLink, ingressProfiles, egressProfiles, ingress, egress
    case ownIPv4, targetsIPv4, admittedIPv4, ingressIPv4, egressIPv4
    case ndRate, multicastRate, flowRateOut, flowRateIn, packetRateOut, packetRateIn, byteRateOut, byteRateIn, ruleRate
    /// Of `inet kc`; all others are of `bridge kc`.
    case vteps

    package var family: Table.Family { self == .vteps ? .inet : .bridge }

    package var set: NamedSet { Self.sets[Int(rawValue)] }

    private static let sets: [NamedSet] = KCRuleset.Sets.filledByAgent + [KCRuleset.vtepSet]
}

/// One element of one of them.
package struct GuardElement: Hashable, Sendable {
    package var set: GuardSet
    package var element: Element

    package init(_ set: GuardSet, _ element: Element) {
        self.set = set
        self.element = element
    }

    /// The element that every open port has.
    package static func ready(_ port: InterfaceName) -> GuardElement {
        GuardElement(.ready, GuardSet.ready.set.element(.interface(port)))
    }

    /// The element of a port that gets whatever members of its segment send.
    package static func members(_ port: InterfaceName) -> GuardElement {
        GuardElement(
            .to,
            GuardSet.to.set.element(
                .number(UInt64(KCRuleset.FrameMark.member)), .interface(port), value: Way.deliver.value))
    }

    /// The element that tells all ports of a segment that somebody has the address.
    package static func held(_ address: IPv6Address, on vni: VNI) -> GuardElement {
        GuardElement(
            .held,
            GuardSet.held.set.element(.number(UInt64(vni.value)), .number(address.high), .number(address.low)))
    }

    /// The address of an element of `held`; nil for those of other sets.
    package var heldAddress: IPv6Address? {
        guard set == .held, let halves = element.key.values(of: GuardSet.held.set.key), halves.count == 3,
            case .number(let high) = halves[1], case .number(let low) = halves[2]
        else { return nil }
        return IPv6Address(high: high, low: low)
    }

    /// Whom it is about; nil when its key is none that KC gives.
    package var owner: GuardOwner? {
        switch set {
        case .vteps: return .tunnels
        case .ruleRate: return .rates
        case .held: return number(.mark).flatMap { try? VNI($0) }.map(GuardOwner.segment)  // nil: no VNI, not ours
        case .ingress, .egress, .ingressIPv4, .egressIPv4:
            return number(.mark).map { .profile(UInt32(truncatingIfNeeded: $0)) }
        case .to: return port(at: Field.mark.paddedCount)
        default: return port(at: 0)
        }
    }

    private func number(_ field: Field) -> UInt64? {
        if case .number(let number) = element.key.value(of: field, at: 0, interval: set.set.isInterval) {
            number
        } else {
            nil
        }
    }

    private func port(at offset: Int) -> GuardOwner? {
        guard case .interface(let name) = element.key.value(of: .inputName, at: offset) else { return nil }
        if let vni = name.tunnelVNI { return .segment(vni) }
        return .port(name)
    }

    package static func < (left: GuardElement, right: GuardElement) -> Bool {
        left.set == right.set ? left.element.key < right.element.key : left.set.rawValue < right.set.rawValue
    }
}

extension GuardElement: CustomStringConvertible, Comparable {
    package var description: String { "\(set.set.name) \(set.set.text(of: element) ?? "")" }
}

/// Whose elements come and go together.
package enum GuardOwner: Hashable, Sendable {
    case port(InterfaceName)
    /// Who holds which address, and what is behind the tunnel.
    case segment(VNI)
    /// The rules of all attachments with the same policies.
    case profile(UInt32)
    /// The limits of single rules.
    case rates
    /// Who may send VXLAN.
    case tunnels
}

extension GuardOwner: Comparable, CustomStringConvertible {
    package var description: String {
        switch self {
        case .port(let name): "port \(name)"
        case .segment(let vni): "segment \(vni)"
        case .profile(let number): "profile \(number)"
        case .rates: "rates"
        case .tunnels: "tunnels"
        }
    }

    private var order: Int {
        switch self {
        case .tunnels: 0
        case .segment: 1
        case .profile: 2
        case .rates: 3
        case .port: 4
        }
    }

    package static func < (left: GuardOwner, right: GuardOwner) -> Bool {
        switch (left, right) {
        case (.port(let left), .port(let right)): left < right
        case (.segment(let left), .segment(let right)): left < right
        case (.profile(let left), .profile(let right)): left < right
        default: left.order < right.order
        }
    }
}

extension InterfaceName {
    /// The VNI in the name of a VXLAN device of ours (`kcx<vni>`).
    var tunnelVNI: VNI? {
        let bytes = text.utf8
        guard bytes.count == 9, text.hasPrefix("kcx"), let number = UInt32(text.dropFirst(3), radix: 16) else {
            return nil
        }
        return try? VNI(number)  // nil: 0
    }
}
