package import Resources

/// One device as `ip -json -details link show` gives it: the members that KC sets and an engineer looks at.
package struct DeviceFacts: Hashable, Sendable {
    package var name: String
    /// IFLA_INFO_KIND; empty for what has none.
    package var kind: String
    package var mtu: Int
    package var address: String
    package var alias: String
    package var master: String
    package var isUp: Bool
    /// IFLA_GROUP, as its number or the name that the machine knows it by.
    package var group: String
    /// Members of `info_data` and `info_slave_data` that are settings, as text.
    package var settings: [String: String]

    package init(
        name: String, kind: String, mtu: Int, address: String, alias: String, master: String, isUp: Bool,
        group: String, settings: [String: String]
    ) {
        self.name = name
        self.kind = kind
        self.mtu = mtu
        self.address = address
        self.alias = alias
        self.master = master
        self.isUp = isUp
        self.group = group
        self.settings = settings
    }

    /// What changes by itself while nothing is wrong, or is a kernel's index.
    private static let volatile: Set<String> = [
        "hello_timer", "tcn_timer", "topology_change_timer", "gc_timer", "topology_change", "topology_change_detected",
        "root_id", "bridge_id", "root_port", "root_path_cost", "hold_timer", "message_age_timer", "forward_delay_timer",
        "designated_port", "designated_root", "designated_bridge", "designated_cost", "id", "no", "config_pending",
        "topology_change_ack", "state", "ifindex", "fdb_n_learned",
    ]

    /// The array that `ip` prints.
    package static func read(_ node: JSONNode) throws(FieldError) -> [DeviceFacts] {
        guard case .array(let nodes) = node.content else {
            throw FieldError(field: "(document)", value: node.excerpt, rule: "must be an array")
        }
        // `ip` prints an empty object for a device that went away meanwhile.
        return nodes.filter { $0["ifname"] != nil }.map { node in
            var flags: [String] = []
            if case .array(let list)? = node["flags"]?.content { flags = list.compactMap(\.string) }
            let info = node["linkinfo"]
            return DeviceFacts(
                name: node["ifname"]?.string ?? "", kind: info?["info_kind"]?.string ?? "",
                mtu: node["mtu"].flatMap { Int($0.excerpt) } ?? 0, address: node["address"]?.string ?? "",
                alias: node["ifalias"]?.string ?? "", master: node["master"]?.string ?? "",
                isUp: flags.contains("UP"), group: node["group"]?.string ?? "",
                settings: settings(info?["info_data"], "", keepsID: info?["info_kind"]?.string == "vxlan")
                    .merging(settings(info?["info_slave_data"], "port.", keepsID: false)) { own, _ in own })
        }
    }

    private static func settings(_ node: JSONNode?, _ prefix: String, keepsID: Bool) -> [String: String] {
        guard case .object(let members)? = node?.content else { return [:] }
        var settings: [String: String] = [:]
        for (name, value) in members where !volatile.contains(name) || keepsID && name == "id" {
            settings[prefix + name] = value.string ?? value.excerpt
        }
        return settings
    }
}

extension Machine {
    /// Every device of the machine's own namespace.
    package func devices() async throws(LaboratoryError) -> [DeviceFacts] {
        try await Self.devices(of: command("ip", ["-json", "-details", "link", "show"]), namespace)
    }

    static func devices(of command: Command, _ subject: String) async throws(LaboratoryError) -> [DeviceFacts] {
        let node = try await command.json("list devices in", subject)
        do { return try DeviceFacts.read(node) } catch {
            throw LaboratoryError(.invalid, operation: "list devices in", subject: subject, message: error.description)
        }
    }
}

extension Command {
    /// Its output as JSON; none at all, which `ip` and `bridge` print for nothing, is an empty array.
    package func json(_ operation: String, _ subject: String) async throws(LaboratoryError) -> JSONNode {
        let output = try await check(operation, subject)
        do {
            return try JSONParser.parse(kept: Array(output.allSatisfy(\.isWhitespace) ? "[]".utf8 : output.utf8))
        } catch {
            throw LaboratoryError(.invalid, operation: operation, subject: subject, message: error.description)
        }
    }
}
