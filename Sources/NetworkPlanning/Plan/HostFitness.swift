import Addressing
import NetworkModel

/// Whether the underlay interface can carry segments at all. Nothing is lowered or set up to make it so: the underlay
/// is the operator's.
struct HostFitness: Sendable {
    /// What no segment can do with, and what mends it; nil when all is well.
    let problem: String?
    private let interface: InterfaceName
    private let mtu: Int
    private let isMulticast: Bool

    init(of host: HostIdentity, on links: ObservedLinks) {
        interface = host.interface
        mtu = links.links[interface]?.settings.mtu ?? 0
        isMulticast = links.links[interface]?.isMulticast ?? false
        if links.links[interface] == nil {
            problem =
                "the underlay interface \(interface) does not exist on this host; "
                + "create it, or name the right one (`kcnet host update \(host.name) --interface NAME`)"
        } else if links.addresses[interface]?.contains(where: { $0.address == host.vtep }) != true {
            problem =
                "the underlay interface \(interface) does not have the address \(host.vtep); "
                + "add it (`ip address add \(host.vtep)/64 dev \(interface)`), "
                + "or give the host its real address (`kcnet host update \(host.name) --vtep ADDRESS`)"
        } else {
            problem = nil
        }
    }

    func problem(of segment: DesiredSegment) -> String? {
        if let problem { return problem }
        let needed = segment.mtu.bytes + MTU.vxlanOverhead
        if mtu < needed {
            return
                "the segment's MTU \(segment.mtu) needs \(needed) bytes on the underlay "
                + "(\(MTU.vxlanOverhead) more for VXLAN), and \(interface) has MTU \(mtu); "
                + "raise it on the whole way (`ip link set \(interface) mtu \(needed)`)"
        }
        if segment.replication == .multicast, !isMulticast {
            return
                "the segment replicates by multicast, and the underlay interface \(interface) does not carry it; "
                + "switch it on (`ip link set \(interface) multicast on`), or make the segment with unicast replication"
        }
        return nil
    }
}
