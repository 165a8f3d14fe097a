import Addressing
import NetworkModel
package import Resources

extension Topology: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            name: try reader.required("name"), description: try reader.optional("description") ?? "",
            links: try reader.required("links"), routers: try reader.optional("routers") ?? [],
            hosts: try reader.required("hosts"), outside: try reader.optional("outside") ?? [],
            api: try reader.required("api"), cluster: try reader.optional("cluster"))
        try reader.finish()
        try check()
    }
}

extension UnderlayLink: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            name: try reader.required("name"), prefix: try reader.required("prefix"),
            mtu: try givenMTU(reader.optional("mtu"), reader.path(of: "mtu")),
            multicast: try reader.optional("multicast") ?? true)
        guard !prefix.address.isMulticast, !prefix.address.isLinkLocal, (8...126).contains(prefix.length) else {
            throw FieldError(
                field: reader.path(of: "prefix"), value: prefix.description,
                rule: "must be a global or unique local prefix of /8 to /126")
        }
        try reader.finish()
    }
}

extension UnderlayRouter: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            name: try reader.required("name"), legs: try reader.required("legs"),
            multicast: try reader.optional("multicast") ?? true, routes: try reader.optional("routes") ?? [],
            ipv4Routes: try reader.optional("ipv4Routes") ?? [])
        guard !legs.isEmpty else { throw FieldError(field: reader.path(of: "legs"), rule: "must be one at least") }
        try reader.finish()
    }
}

extension UnderlayRouter.Leg: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            link: try reader.required("link"), interface: try reader.required("interface"),
            address: try reader.required("address"))
        try reader.finish()
    }
}

extension LabHost: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            name: try reader.required("name"), link: try reader.required("link"),
            interface: try givenInterface(reader.optional("interface"), reader.path(of: "interface")),
            address: try reader.required("address"), mtu: try reader.optional("mtu"),
            roles: try reader.optional("roles") ?? [], guests: try reader.optional("guests") ?? [],
            forwarding: try reader.optional("forwarding") ?? false,
            defaultRoute: try reader.optional("defaultRoute"), cables: try reader.optional("cables") ?? [])
        guard Set(guests).count == guests.count else {
            throw FieldError(field: reader.path(of: "guests"), rule: "must not repeat a name")
        }
        try reader.finish()
    }
}

extension UnderlayRoute: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(prefix: try reader.required("prefix"), gateway: try reader.required("via"))
        try reader.finish()
    }
}

extension LabCable: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            interface: try reader.required("interface"), router: try reader.required("router"),
            routerInterface: try reader.required("routerInterface"), address: try reader.required("address"),
            ipv4: try reader.optional("ipv4"))
        try reader.finish()
    }
}

extension APIPlace: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let port = try reader.optional("port") ?? 8440
        guard (1...65535).contains(port) else {
            throw FieldError(field: reader.path(of: "port"), value: "\(port)", rule: "must be from 1 to 65535")
        }
        self.init(
            link: try reader.required("link"),
            interface: try givenInterface(reader.optional("interface"), reader.path(of: "interface")),
            address: try reader.required("address"), port: UInt16(port))
        try reader.finish()
    }
}

/// Ethernet's 1500 where the file says nothing.
private func givenMTU(_ given: MTU?, _ field: String) throws(FieldError) -> MTU {
    if let given { return given }
    do { return try MTU(1500) } catch { throw FieldError(field: field, error) }
}

/// `eth0` where the file says nothing.
func givenInterface(_ given: InterfaceName?, _ field: String) throws(FieldError) -> InterfaceName {
    if let given { return given }
    do { return try InterfaceName("eth0") } catch { throw FieldError(field: field, error) }
}
