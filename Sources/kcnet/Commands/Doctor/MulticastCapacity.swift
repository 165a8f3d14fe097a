import Commands

/// Whether the kernel lets one UDP port join all the groups that segments may use.
enum MulticastCapacity {
    /// What one membership of an IPv6 socket takes from its option memory (struct ipv6_mc_socklist with its
    /// allocation, net/ipv6/mcast.c): 2,340 joins were counted at 131,072 bytes and 365 at 20,480.
    static let bytesPerJoin = 56

    /// - Parameters:
    ///   - optmem: net.core.optmem_max in bytes; nil when it cannot be read.
    ///   - groups: how many groups the underlay has; 0 is one for each VNI.
    static func finding(optmem: Int?, groups: Int, isUsed: Bool) -> Finding {
        let check = "optmem_max"
        guard let optmem else {
            return Finding(.warn, check, "net.core.optmem_max cannot be read", next: "mount /proc")
        }
        let joins = optmem / bytesPerJoin
        let room = "\(optmem) bytes carry \(joins) multicast groups"
        let why = "all VXLAN devices of one UDP port share one socket, and joining more fails with ENOMEM"
        guard isUsed else { return Finding(.ok, check, "\(room); the underlay does not use multicast") }
        guard groups > 0 else {
            return Finding(
                .warn, check, "\(room); every VNI has a group of its own", why: why,
                next: "have at most \(joins) multicast segments on a host, or share groups: "
                    + "kcnet underlay update default --group-count 256")
        }
        guard joins < groups else { return Finding(.ok, check, "\(room), \(groups) are in use at most") }
        return Finding(
            .fail, check, "\(room), and \(groups) may be needed", why: why,
            next: "sysctl -w net.core.optmem_max=\((groups + 1) * bytesPerJoin), and write it to /etc/sysctl.d/")
    }
}
