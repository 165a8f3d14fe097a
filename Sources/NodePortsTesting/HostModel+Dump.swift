import Addressing
import DaemonConfigs
import NFTables
import NetworkModel
import NetworkPlanning

extension HostModel: CustomStringConvertible {
    /// The whole state as sorted text, without kernel indices: two hosts that behave alike print alike.
    package var description: String {
        var lines = ["filter \(filter.digest ?? (filter.isPresent ? "broken" : "none"))"]
        for (owner, elements) in filter.content.owners.sorted(by: { $0.key < $1.key }) {
            lines.append("  \(owner)")
            lines += elements.sorted().map { "    \($0)" }
        }
        lines += ["namespace of the host"] + root.lines
        for (name, namespace) in namespaces.sorted(by: { $0.key < $1.key }) {
            lines += ["namespace \(name)"] + namespace.lines
        }
        for (instance, daemon) in daemons.sorted(by: { $0.key < $1.key }) {
            lines.append("daemon \(instance) in \(daemon.spec.namespace ?? "host")\(daemon.isRunning ? "" : " dead")")
            lines += daemon.spec.configuration.split(separator: "\n").map { "  | \($0)" }
        }
        for (namespace, firewall) in firewalls.sorted(by: { $0.key < $1.key }) {
            lines.append("firewall \(firewall.digest ?? "none") in \(namespace)")
            lines += firewall.known.sorted().map { "  known \($0)" }
        }
        lines += exports.sorted().map { "export \($0)" }
        return lines.joined(separator: "\n")
    }
}

extension HostModel.Namespace {
    var lines: [String] {
        var lines: [String] = []
        if isForwarding { lines.append("  forwarding") }
        if hasDefaultRoute { lines.append("  default route") }
        if let translator { lines.append("  \(translator)") }
        for (name, device) in devices.sorted(by: { $0.key < $1.key }) {
            let settings = device.settings
            var words = ["  \(name)", "\(device.kind)", "mtu \(settings.mtu)", settings.isUp ? "up" : "down"]
            if let master = settings.master { words.append("master \(master)") }
            if settings.ipv6Disabled == true { words.append("no-ipv6") }
            if settings.multicastSnooping == true { words.append("snooping") }
            if settings.netfilterCalls == true { words.append("nf_call") }
            if settings.takesMembers { words.append("members") }
            if device.isUnfinished { words.append("unfinished") }
            // The kernel's own MAC addresses come from an index here and from chance on a real host.
            if let mac = settings.mac, mac.value >> 32 != 0x0200 { words.append("mac \(mac)") }
            if let alias = settings.alias { words.append("alias '\(alias)'") }
            lines.append(words.joined(separator: " "))
            lines += (floods[name] ?? []).sorted().map { "    flood \($0)" }
            lines += (addresses[name] ?? []).sorted().map { "    address \($0.address)/\($0.length)" }
            if routed.contains(name) { lines.append("    routed") }
        }
        lines += routes.sorted().map { "  route \($0)" }
        return lines
    }
}
