package import Addressing
package import Resources

/// A control plane on several machines: an etcd of these members, and servers of the API beside the first, over that etcd.
package struct ControlCluster: Hashable, Sendable {
    package struct Place: Hashable, Sendable {
        package var name: Name
        package var link: Name
        package var interface: InterfaceName
        package var address: IPv6Address
    }

    /// Machines that run etcd and nothing else.
    package var members: [Place]
    /// Machines that run the API, beside the machine `api`.
    package var servers: [Place]

    var places: [Place] { members + servers }
}

extension ControlCluster: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            members: try reader.required("members"), servers: try reader.optional("servers") ?? [])
        try reader.finish()
        guard !members.isEmpty else { throw FieldError(field: path + ".members", rule: "must be one at least") }
        guard members.count + servers.count <= 32 else {
            throw FieldError(field: path, rule: "must be at most 32 machines")
        }
    }
}

extension ControlCluster.Place: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            name: try reader.required("name"), link: try reader.required("link"),
            interface: try givenInterface(reader.optional("interface"), reader.path(of: "interface")),
            address: try reader.required("address"))
        try reader.finish()
    }
}
