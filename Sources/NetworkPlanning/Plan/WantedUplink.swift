import Addressing
import NetworkModel
import Resources

/// The devices and addresses of a routed uplink.
enum WantedUplink {
    /// fe80::1 is the router on every link of KC's, and on this one the host is.
    static let outer = InterfaceAddress(.segmentRouter, length: 64)
    static let inner = InterfaceAddress(IPv6Address(high: 0xfe80 << 48, low: 2), length: 64)

    static func veth(of gateway: ResourceID, mtu: Int) -> NewLink {
        let alias = DeviceMark.uplink(UplinkMark(gateway: gateway)).alias
        return NewLink(
            name: .uplink(gateway.bytes), kind: .veth,
            settings: LinkSettings(alias: alias, mtu: mtu, isUp: true, ipv6Disabled: false),
            peer: NewPeer(
                namespace: .gateway(gateway), name: .up0,
                settings: LinkSettings(alias: alias, mtu: mtu, isUp: true)))
    }
}

extension UplinkMark.Taken {
    /// Makes an interface on the host what it was. The mark goes last, so that a crash in between loses nothing.
    /// - Parameter link: as it is; nil when it has just come from a namespace, down.
    func release(_ link: ObservedLink?) -> [LinkOperation] {
        let isUp = link?.settings.isUp ?? false
        let restoring: [LinkOperation] = isUp == !wasDown ? [] : [.change(name, LinkChange(isUp: !wasDown))]
        return restoring + [.change(name, LinkChange(alias: formerAlias ?? ""))]
    }
}
