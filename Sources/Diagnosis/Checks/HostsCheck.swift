import Resources

/// What hosts say of themselves to the API: for whoever is not on them.
package struct HostsCheck: Sendable {
    /// One host as the API shows it.
    package struct Host: Hashable, Sendable {
        package var name: String
        /// "up", "down", "never-seen".
        package var phase: String
        package var message: String?
        /// What its agent reported of the machine, by name.
        package var details: [String: String]
        /// From where agents speak for it, when more than one does.
        package var agents: [String]

        package init(
            name: String, phase: String, message: String? = nil, details: [String: String] = [:], agents: [String] = []
        ) {
            self.name = name
            self.phase = phase
            self.message = message
            self.details = details
            self.agents = agents
        }
    }

    package var hosts: [Host]
    /// Of the underlay; 0 is one for each VNI.
    package var groups: Int
    package var usesMulticast: Bool

    package init(_ hosts: [Host], groups: Int, usesMulticast: Bool) {
        self.hosts = hosts
        self.groups = groups
        self.usesMulticast = usesMulticast
    }

    package var checks: [Check] {
        hosts.sorted { $0.name < $1.name }.flatMap { host in
            let faults = faults(of: host)
            return faults.isEmpty ? [Check(.ok, "host \(host.name)", summary(host))] : faults
        } + versions
    }

    private func summary(_ host: Host) -> String {
        let kernel = host.details["kernel"].map { ", kernel \($0)" } ?? ""
        let joins = host.details["multicastJoins"].map { ", \($0) groups" } ?? ""
        return "up, agent \(host.details["agent"] ?? "of an unknown version")\(kernel)\(joins)"
    }

    private func faults(of host: Host) -> [Check] {
        let name = "host \(host.name)"
        guard host.phase == "up" else {
            return [
                Check(
                    .fail, name, "\(host.phase)\(host.message.map { ": \($0)" } ?? "")",
                    why: "existing traffic flows on, but nothing new is wired there",
                    next: "start `kcd node` on \(host.name) and look at its log")
            ]
        }
        var checks: [Check] = []
        if host.agents.count > 1 {
            checks.append(
                Check(
                    .fail, name,
                    "\(host.agents.count) agents speak for it at once: \(host.agents.joined(separator: " and "))",
                    why:
                        "each makes the same ports and tunnels on its machine, and what it reports hides what the other one does",
                    next: "on the machine that is the copy: stop `kcd node`, run `kcd node --remove`, then join it as "
                        + "a host of its own: `kcd join --force URL TOKEN`"))
        } else if let message = host.message, !message.isEmpty {
            checks.append(
                Check(
                    .warn, name, message, why: "its agent cannot do all that it shall, or is told not to",
                    next: "kcnet host show \(host.name)"))
        }
        for kind in ["bridge", "tun", "veth", "vxlan"] {
            guard let words = host.details[kind], words != "yes" else { continue }
            checks.append(
                Check(
                    .fail, name, "its kernel makes no \(kind) device (\(words))",
                    why: "segments and ports are made of these", next: "modprobe \(kind) on \(host.name)"))
        }
        if usesMulticast, let joins = host.details["multicastJoins"].flatMap({ Int($0) }), joins < max(1, groups) {
            checks.append(
                Check(
                    .fail, name, "its kernel joins \(joins) multicast groups, and \(groups) may be needed",
                    why: "all VXLAN devices of one UDP port share one socket, and joining more fails with ENOMEM",
                    next: "sysctl -w net.core.optmem_max=131072 on \(host.name), then restart `kcd node`"))
        }
        if let bridges = host.details["bridgeNetfilter"], bridges != "off" {
            checks.append(
                Check(
                    .warn, name, "bridged frames meet its own firewall (\(bridges))",
                    why: "a firewall that does not forward drops what guests send each other",
                    next: "sysctl -w net.bridge.bridge-nf-call-ip6tables=0 on \(host.name), or let the firewall accept "
                        + "what is bridged"))
        }
        return checks
    }

    /// Agents of several versions.
    private var versions: [Check] {
        let versions = Set(hosts.filter { $0.phase == "up" }.compactMap { $0.details["agent"] })
        guard versions.count > 1 else { return [] }
        return [
            Check(
                .warn, "versions", "agents of \(versions.sorted().joined(separator: " and "))",
                why: "what the older ones do not know is not done on their hosts", next: "finish the upgrade")
        ]
    }
}
