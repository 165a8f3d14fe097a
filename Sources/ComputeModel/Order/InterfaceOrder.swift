package import Addressing
package import Resources

/// One NIC of a VM: the port that the network's agent makes for an attachment, and what the guest sees of it.
package struct InterfaceOrder: Hashable, JSONCodable {
    package var attachment: ResourceID
    package var mac: MACAddress
    /// The tap device on the host.
    package var device: InterfaceName
    /// Of the segment.
    package var mtu: MTU
    /// Whether the network's agent has said that the port forwards. A VM never starts on one that does not.
    package var isWired: Bool

    package init(attachment: ResourceID, mac: MACAddress, device: InterfaceName, mtu: MTU, isWired: Bool) {
        self.attachment = attachment
        self.mac = mac
        self.device = device
        self.mtu = mtu
        self.isWired = isWired
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            attachment: try reader.required("attachment"),
            mac: try reader.typed("mac") { text throws(AddressingError) in try MACAddress(parsing: text) },
            device: try reader.typed("device") { text throws(AddressingError) in try InterfaceName(text) },
            mtu: try reader.mtu("mtu"), isWired: try reader.required("wired"))
        try reader.finish()
        guard mac.isUsable else {
            throw FieldError(
                field: reader.path(of: "mac"), value: mac.description, rule: "must be the address of one station")
        }
        guard device.isPort else {
            throw FieldError(
                field: reader.path(of: "device"), value: device.text,
                rule: "must be a port of KC's, whose names begin with kct")
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("attachment", attachment)
            writer.member("mac", mac.description)
            writer.member("device", device.text)
            writer.member("mtu", mtu.bytes)
            writer.member("wired", isWired)
        }
    }
}

extension FieldReader {
    fileprivate mutating func typed<Value>(
        _ name: String, _ parse: (String) throws(AddressingError) -> Value
    ) throws(FieldError) -> Value {
        let text: String = try required(name)
        do { return try parse(text) } catch { throw FieldError(field: path(of: name), value: text, rule: "\(error)") }
    }

    fileprivate mutating func mtu(_ name: String) throws(FieldError) -> MTU {
        let bytes: Int = try required(name)
        do { return try MTU(bytes) } catch {
            throw FieldError(field: path(of: name), value: "\(bytes)", rule: "\(error)")
        }
    }
}
