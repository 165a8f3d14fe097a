package import Addressing
package import Resources

/// What a metadata service is told of one VM: what its guest may know of itself, and nothing of hosts.
package struct GuestFacts: Hashable, JSONCodable {
    /// One NIC, as the guest knows it.
    package struct Interface: Hashable, JSONCodable {
        package var attachment: ResourceID
        package var mac: MACAddress
        package var mtu: MTU

        package init(attachment: ResourceID, mac: MACAddress, mtu: MTU) {
            self.attachment = attachment
            self.mac = mac
            self.mtu = mtu
        }
    }

    package var project: ResourceID
    package var guest: GuestOrder
    /// In the order in which the guest sees them.
    package var interfaces: [Interface]
    /// Whether the attachment that was asked about ends with the VM. One that was given may be another VM's tomorrow, so
    /// that what is known of it must not be kept.
    package var isLasting: Bool

    package init(project: ResourceID, guest: GuestOrder, interfaces: [Interface], isLasting: Bool) {
        self.project = project
        self.guest = guest
        self.interfaces = interfaces
        self.isLasting = isLasting
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            project: try reader.required("project"), guest: try reader.required("guest"),
            interfaces: try reader.optional("interfaces") ?? [], isLasting: try reader.required("lasting"))
        try reader.finish()
        guard interfaces.count <= VirtualMachine.Spec.maximumNetworks else {
            throw FieldError(
                field: reader.path(of: "interfaces"), value: "\(interfaces.count)",
                rule: "must be at most \(VirtualMachine.Spec.maximumNetworks)")
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("project", project)
            writer.member("guest", guest)
            writer.member("interfaces", interfaces)
            writer.member("lasting", isLasting)
        }
    }
}

extension GuestFacts.Interface {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let mac: String = try reader.required("mac")
        let mtu: Int = try reader.required("mtu")
        let attachment: ResourceID = try reader.required("attachment")
        try reader.finish()
        do {
            self.init(attachment: attachment, mac: try MACAddress(parsing: mac), mtu: try MTU(mtu))
        } catch { throw FieldError(field: path, value: "\(mac) \(mtu)", rule: "\(error)") }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("attachment", attachment)
            writer.member("mac", mac.description)
            writer.member("mtu", mtu.bytes)
        }
    }
}
