import Addressing
import NetworkModel

/// Whether the underlay interface of this host is what its host resource and the underlay resource say.
enum UnderlayChecks {
    static func all(_ host: Host.Spec, underlay: Underlay.Spec?) -> [Finding] {
        let name = host.interface.text
        let folder = "/sys/class/net/\(name)"
        guard LocalFile.isDirectory(folder) else {
            return [
                Finding(
                    .fail, "underlay", "there is no interface \(name)", why: "VXLAN leaves the machine through it",
                    next: "correct the host: kcnet host update NAME --interface IFACE")
            ]
        }
        var findings = [state(name, folder), address(name, host.vtep)]
        if let underlay {
            findings.append(mtu(name, folder, wanted: underlay.mtu))
            if underlay.multicast { findings.append(multicast(name, folder)) }
        }
        return findings
    }

    private static func state(_ name: String, _ folder: String) -> Finding {
        let state = ProcFile.text("\(folder)/operstate") ?? "unknown"
        // Interfaces that do not know their state (loopback, some virtual ones) say "unknown" while they work.
        return state == "up" || state == "unknown"
            ? Finding(.ok, "underlay", "\(name) is \(state)")
            : Finding(
                .fail, "underlay", "\(name) is \(state)", why: "no segment reaches other hosts",
                next: "ip link set \(name) up; check the cable or the virtual switch")
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

    private static func mtu(_ name: String, _ folder: String, wanted: MTU) -> Finding {
        guard let mtu = ProcFile.number("\(folder)/mtu") else {
            return Finding(.warn, "mtu", "the MTU of \(name) cannot be read")
        }
        return mtu >= wanted.bytes
            ? Finding(.ok, "mtu", "\(name) has \(mtu), the underlay needs \(wanted)")
            : Finding(
                .fail, "mtu", "\(name) has \(mtu), the underlay needs \(wanted)",
                why: "full-sized frames of guests would vanish: the agent does not carry segments like this",
                next:
                    "ip link set \(name) mtu \(wanted), or lower it everywhere: kcnet underlay update default --mtu \(mtu)"
            )
    }

    private static func multicast(_ name: String, _ folder: String) -> Finding {
        let flags = ProcFile.text("\(folder)/flags").flatMap { Int($0.dropFirst(2), radix: 16) } ?? 0
        // IFF_MULTICAST, linux/if.h.
        return flags & 0x1000 != 0
            ? Finding(
                .ok, "multicast",
                "\(name) sends multicast (whether the network between hosts carries it is not seen here)")
            : Finding(
                .fail, "multicast", "\(name) sends no multicast", why: "segments with multicast replication need it",
                next: "ip link set \(name) multicast on, or kcnet underlay update default --multicast false")
    }
}
