import Addressing
import NetworkModel
import Resources

/// The devices that desired items stand for.
enum WantedLink {
    static func bridge(of segment: DesiredSegment) -> NewLink {
        NewLink(
            name: .bridge(segment.vni), kind: .bridge,
            settings: LinkSettings(
                alias: DeviceMark.segment(segment.id).alias, mtu: segment.mtu.bytes, isUp: true, ipv6Disabled: true,
                multicastSnooping: false, netfilterCalls: false, linkLocalLearning: false))
    }

    static func vxlan(of segment: DesiredSegment, on host: HostIdentity, _ underlay: Underlay.Spec) -> NewLink {
        NewLink(
            name: .vxlan(segment.vni),
            kind: .vxlan(
                VXLANSettings(
                    vni: segment.vni, group: segment.replication == .multicast ? segment.group : nil,
                    local: host.vtep, link: host.interface, port: underlay.port, hopLimit: underlay.hopLimit)),
            settings: LinkSettings(
                alias: DeviceMark.segment(segment.id).alias, mtu: segment.mtu.bytes, master: .bridge(segment.vni),
                isUp: true, ipv6Disabled: true))
    }

    /// A tap or veth; nil for an external interface, which is taken and not made.
    static func port(of attachment: DesiredAttachment, on segment: DesiredSegment) -> NewLink? {
        let alias = DeviceMark.attachment(attachment.id).alias
        let settings = LinkSettings(
            alias: alias, mtu: segment.mtu.bytes, master: .bridge(segment.vni), isUp: true, ipv6Disabled: true)
        func veth(
            _ namespace: NamespaceName, _ name: InterfaceName, _ mac: MACAddress, makesLinkLocal: Bool = true
        ) -> NewLink {
            NewLink(
                name: attachment.portName, kind: .veth, settings: settings,
                peer: NewPeer(
                    namespace: namespace, name: name,
                    settings: LinkSettings(alias: alias, mtu: segment.mtu.bytes, mac: mac, isUp: true),
                    makesLinkLocal: makesLinkLocal))
        }
        return switch attachment.port {
        case .tap: NewLink(name: attachment.portName, kind: .tap, settings: settings)
        case .namespace(let namespace, let interface): veth(namespace, interface, attachment.mac)
        case .gateway(let gateway):
            // Not the attachment's own MAC: guests must not notice when the router is made again or moves.
            veth(
                .gateway(gateway), .gatewaySegment(segment.vni), RouterMAC.derive(segment: segment.id),
                makesLinkLocal: false)
        case .external: nil
        }
    }
}

extension LinkChange {
    /// What takes a living device to `wanted`; nil when nothing does, or what differs could not be read.
    ///
    /// `master` is left alone where nil: nobody but the owner of a namespace decides what its end of a veth is part of.
    init?(from observed: LinkSettings, to wanted: LinkSettings) {
        func difference<Value: Equatable>(_ observed: Value?, _ wanted: Value?) -> Value? {
            guard let observed, let wanted, observed != wanted else { return nil }
            return wanted
        }
        self.init(
            mtu: difference(observed.mtu, wanted.mtu), mac: difference(observed.mac, wanted.mac),
            isUp: difference(observed.isUp, wanted.isUp),
            ipv6Disabled: difference(observed.ipv6Disabled, wanted.ipv6Disabled),
            multicastSnooping: difference(observed.multicastSnooping, wanted.multicastSnooping),
            netfilterCalls: difference(observed.netfilterCalls, wanted.netfilterCalls),
            linkLocalLearning: difference(observed.linkLocalLearning, wanted.linkLocalLearning),
            learning: difference(observed.learning, wanted.learning))
        if let master = wanted.master, observed.master != master { self.master = .bridge(master) }
        if self == LinkChange() { return nil }
    }

    /// The same of a whole device, with what can change of its kind and at the bridge that it is a port of.
    /// - Parameter settings: what of the observed ones counts.
    init?(from observed: ObservedLink, _ settings: LinkSettings, to wanted: NewLink) {
        self = LinkChange(from: settings, to: wanted.settings) ?? LinkChange()
        // Who leaves a bridge leaves all of this behind.
        if wanted.settings.master != nil, master == nil {
            // Without a carrier a port has to be blocked.
            clears = observed.isRunning ? observed.obstacles : observed.obstacles.subtracting([.blocked])
            strays = observed.strays
            // A port that nothing is learned at has all that goes to it flooded, to every host.
            if settings.learning == false { learning = true }
        }
        if case .vxlan(let now) = observed.kind, case .vxlan(let next) = wanted.kind, now.hopLimit != next.hopLimit {
            hopLimit = next.hopLimit
        }
        if self == LinkChange() { return nil }
    }
}
