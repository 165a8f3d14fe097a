import Addressing
import DaemonConfigs
import NFTables
import NetworkModel
import Resources

extension HostPlan: CustomStringConvertible {
    /// For people: numbered steps with whom they serve, then what cannot be had.
    package var description: String {
        var lines: [String] = []
        if steps.isEmpty {
            lines.append("nothing to do")
        } else {
            let width = String(steps.count).count
            let texts = steps.map(\.operation.description)
            let column = min(72, texts.map(\.count).max() ?? 0)
            for (index, step) in steps.enumerated() {
                let number = String(index + 1)
                lines.append(
                    String(repeating: " ", count: width - number.count) + number + "  " + texts[index]
                        + String(repeating: " ", count: max(0, column - texts[index].count)) + "  # \(step.subject)")
            }
        }
        for refusal in refusals { lines.append("\(refusal.phase.rawValue): \(refusal.subject): \(refusal.message)") }
        return lines.joined(separator: "\n")
    }
}

extension Subject: CustomStringConvertible {
    package var description: String {
        switch self {
        case .host: "host"
        case .segment(let id): "segment \(id)"
        case .attachment(let id): "attachment \(id)"
        case .gateway(let id): "gateway \(id)"
        case .orphan: "orphan"
        }
    }
}

extension Operation: CustomStringConvertible {
    package var description: String {
        switch self {
        case .link(let operation, in: nil): operation.description
        case .link(let operation, in: .some(let namespace)): "\(operation) in namespace \(namespace)"
        case .filter(let operation): operation.description
        case .createNamespace(let name): "create namespace \(name)"
        case .deleteNamespace(let name): "delete namespace \(name)"
        case .setForwarding(let on, in: let name): "set forwarding \(on ? "on" : "off") in namespace \(name)"
        case .firewall(let operation, in: let name): "\(operation) in namespace \(name)"
        case .export(let route): "export route \(route)"
        case .withdraw(let route): "withdraw route \(route)"
        case .ensureDaemon(let spec): "ensure daemon \(spec.instance)"
        case .stopDaemon(let instance, let withdraw):
            "stop daemon \(instance)" + (withdraw ? " with a last advertisement" : "")
        case .ensureTranslator(let spec, in: let name):
            "ensure translator of \(spec.prefix) with \(spec.mappings.count) mappings in namespace \(name)"
        case .removeTranslator(in: let name): "remove translator in namespace \(name)"
        }
    }
}

extension LinkOperation: CustomStringConvertible {
    package var description: String {
        switch self {
        case .create(let link):
            "create \(link.kind.word) \(link.name) \(link.settings.words)"
                + (link.peer.map { "; peer \($0.name) in namespace \($0.namespace) \($0.settings.words)" } ?? "")
        case .change(let name, let change): "change \(name) \(change.words)"
        case .delete(let name): "delete \(name)"
        case .addFlood(let name, let address): "add flood \(name) \(address)"
        case .removeFlood(let name, let address): "remove flood \(name) \(address)"
        case .addAddress(let name, let address): "add address \(name) \(address.address)/\(address.length)"
        case .removeAddress(let name, let address): "remove address \(name) \(address.address)/\(address.length)"
        case .addRoute(let route): "add route \(route)"
        case .removeRoute(let route): "remove route \(route)"
        case .move(let name, let namespace, let new):
            "move \(name) to \(namespace.map { "namespace \($0)" } ?? "the host") as \(new)"
        }
    }
}

extension FirewallOperation: CustomStringConvertible {
    package var description: String {
        switch self {
        case .install(let ruleset, let known):
            "install firewall \(ruleset.digest) with \(known.count) known addresses"
        case .change(let removed, let added):
            "change firewall: \(removed.count) known addresses less, \(added.count) more"
        }
    }
}

extension FilterOperation: CustomStringConvertible {
    package var description: String {
        switch self {
        case .install(let ruleset, let content):
            "install filter \(ruleset.digest) with \(content.ports.count) ports and \(content.vteps.count) VTEPs"
        case .close(let port, _): "close port \(port)"
        case .change(.tunnels, let removed, let added):
            (removed.map { "remove \($0)" } + added.map { "add \($0)" }).joined(separator: ", ")
        case .change(.port(let name), remove: [], let added): "open port \(name) with \(added.count) elements"
        case .change(let owner, let removed, let added):
            "change \(owner): \(removed.count) elements less, \(added.count) more"
        case .uninstall: "uninstall filter"
        }
    }
}

extension LinkKind {
    /// The kernel's name for it, with the settings that cannot change.
    fileprivate var word: String {
        switch self {
        case .vxlan(let settings):
            "vxlan id \(settings.vni)" + (settings.group.map { " group \($0)" } ?? "")
                + " local \(settings.local) dev \(settings.link) dstport \(settings.port) ttl \(settings.hopLimit)"
        case .bridge: "bridge"
        case .tap: "tap"
        case .veth: "veth"
        case .other(let name): name
        }
    }
}

extension LinkSettings {
    fileprivate var words: String {
        LinkChange(
            alias: alias, mtu: mtu, mac: mac, master: master.map(LinkChange.Master.bridge), isUp: isUp,
            ipv6Disabled: ipv6Disabled, multicastSnooping: multicastSnooping, netfilterCalls: netfilterCalls,
            linkLocalLearning: linkLocalLearning, learning: learning
        ).words
    }
}

extension LinkChange {
    fileprivate var words: String {
        var words: [String] = []
        func flag(_ name: String, _ value: Bool?) {
            if let value { words.append("\(name) \(value ? "on" : "off")") }
        }
        if let mtu { words.append("mtu \(mtu)") }
        if let mac { words.append("mac \(mac)") }
        switch master {
        case .bridge(let bridge): words.append("master \(bridge)")
        case .some(.none): words.append("no master")
        case nil: break
        }
        if let isUp { words.append(isUp ? "up" : "down") }
        if let ipv6Disabled { words.append("ipv6 \(ipv6Disabled ? "off" : "on")") }
        flag("mcast_snooping", multicastSnooping)
        flag("nf_call", netfilterCalls)
        flag("ll_learn", linkLocalLearning)
        flag("learning", learning)
        if let takesMembers { words.append(takesMembers ? "group of ports open to members" : "no group") }
        if let hopLimit { words.append("ttl \(hopLimit)") }
        words += clears.map { "not \($0.rawValue)" }.sorted()
        words += strays.map { "without \($0.mac)\($0.isBridges ? " in its bridge" : "")" }.sorted()
        if let alias { words.append(alias.isEmpty ? "no alias" : "alias '\(alias)'") }
        return words.joined(separator: " ")
    }
}
