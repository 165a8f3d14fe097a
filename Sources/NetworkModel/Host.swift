package import Addressing
package import Resources

/// A machine that runs the node agent.
package enum Host: ResourceKind {
    package static let kind = KindName("host", plural: "hosts", isInProject: false)
    package typealias Assigned = Nothing

    package struct Spec: Hashable, JSONCodable {
        /// The underlay address VXLAN uses: unique among hosts; global or unique local.
        package var vtep: IPv6Address
        /// The underlay interface that carries it.
        package var interface: InterfaceName
        package var roles: [HostRole]
        /// Where the host's services for gateways are asked, of which the name server is one: no address of the
        /// underlay, put on the host by the operator, and reached through the uplinks of gateways. Several hosts may
        /// have the same one (anycast). nil: gateways ask this host nothing.
        package var serviceAddress: IPv6Address?
        /// The agent looks, measures and reports, and changes nothing: for somebody who works on the machine by hand.
        package var isPaused: Bool

        package init(
            vtep: IPv6Address, interface: InterfaceName, roles: [HostRole] = [], serviceAddress: IPv6Address? = nil,
            isPaused: Bool = false
        ) {
            self.serviceAddress = serviceAddress
            self.vtep = vtep
            self.interface = interface
            self.roles = roles
            self.isPaused = isPaused
        }
    }
}

package enum HostRole: String, Choice {
    /// May carry managed gateways.
    case gateway
    /// Runs authoritative name servers.
    case dns
}

extension Host.Spec {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let vtep: IPv6Address = try reader.required("vtep")
        guard !vtep.isMulticast, !vtep.isUnspecified, !vtep.isLoopback, !vtep.isLinkLocal, !vtep.isIPv4Mapped else {
            throw FieldError(
                field: reader.path(of: "vtep"), value: vtep.description,
                rule: "must be a global or unique local IPv6 address of the underlay interface")
        }
        self.init(
            vtep: vtep, interface: try reader.required("interface"), roles: try reader.optional("roles") ?? [],
            serviceAddress: try reader.optional("serviceAddress"), isPaused: try reader.optional("paused") ?? false)
        if let address = serviceAddress {
            guard !address.isMulticast, !address.isUnspecified, !address.isLoopback, !address.isLinkLocal,
                !address.isIPv4Mapped, address != vtep
            else {
                throw FieldError(
                    field: reader.path(of: "serviceAddress"), value: address.description,
                    rule: "must be a global or unique local IPv6 address and not the VTEP")
            }
        }
        guard Set(roles).count == roles.count else {
            throw FieldError(field: reader.path(of: "roles"), rule: "must not repeat a role")
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("vtep", vtep)
            writer.member("interface", interface)
            writer.member("roles", roles)
            writer.member("serviceAddress", serviceAddress)
            if isPaused { writer.member("paused", true) }
        }
    }
}
