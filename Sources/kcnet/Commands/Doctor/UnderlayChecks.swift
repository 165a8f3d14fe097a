import Addressing
import Commands
import LinuxNetlink
import NetworkModel
import NetworkPlanning
import NodePorts

/// Whether the underlay interface of this host is what its host resource and the underlay resource say.
enum UnderlayChecks {
    static func all(_ host: Host.Spec, underlay: Underlay.Spec?) async -> [Finding] {
        let name = host.interface
        let observed: ObservedLink?
        do {
            observed = try await NetlinkLinkTable(threads: NamespaceThreads()).observe(links: [name], in: nil).links[
                name]
        } catch { return [Finding(.warn, "underlay", "\(name) cannot be looked at: \(error)", next: "run as root")] }
        guard let link = observed else {
            return [
                Finding(
                    .fail, "underlay", "there is no interface \(name)", why: "VXLAN leaves the machine through it",
                    next: "correct the host: kcnet host update NAME --interface IFACE")
            ]
        }
        var findings = [state(link), address(name.text, host.vtep)]
        if let underlay {
            findings.append(mtu(link, wanted: underlay.mtu))
            if underlay.multicast { findings.append(multicast(link)) }
        }
        return findings
    }

    private static func state(_ link: ObservedLink) -> Finding {
        link.isRunning
            ? Finding(.ok, "underlay", "\(link.name) is up")
            : Finding(
                .fail, "underlay", "\(link.name) is down", why: "no segment reaches other hosts",
                next: "ip link set \(link.name) up; check the cable or the virtual switch")
    }

    private static func address(_ name: String, _ vtep: IPv6Address) -> Finding {
        let addresses = LocalAddresses.byInterface()
        if addresses[name]?.contains(vtep.description) == true {
            return Finding(.ok, "vtep", "\(vtep) is an address of \(name)")
        }
        let elsewhere = addresses.first { $0.value.contains(vtep.description) }?.key
        return Finding(
            .fail, "vtep",
            elsewhere.map { "\(vtep) is an address of \($0), not of \(name)" } ?? "\(vtep) is no address here",
            why: "other hosts send to it and accept VXLAN from it alone",
            next: "ip address add \(vtep)/64 dev \(name), or kcnet host update NAME --vtep ADDRESS")
    }

    private static func mtu(_ link: ObservedLink, wanted: MTU) -> Finding {
        let mtu = link.settings.mtu
        return mtu >= wanted.bytes
            ? Finding(.ok, "mtu", "\(link.name) has \(mtu), the underlay needs \(wanted)")
            : Finding(
                .fail, "mtu", "\(link.name) has \(mtu), the underlay needs \(wanted)",
                why: "full-sized frames of guests would vanish: the agent does not carry segments like this",
                next: "ip link set \(link.name) mtu \(wanted), or lower it everywhere: "
                    + "kcnet underlay update default --mtu \(mtu)")
    }

    private static func multicast(_ link: ObservedLink) -> Finding {
        link.isMulticast
            ? Finding(
                .ok, "multicast",
                "\(link.name) sends multicast (whether the network between hosts carries it is not seen here)")
            : Finding(
                .fail, "multicast", "\(link.name) sends no multicast",
                why: "segments with multicast replication need it",
                next: "ip link set \(link.name) multicast on, or kcnet underlay update default --multicast false")
    }
}
