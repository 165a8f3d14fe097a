import APIClient
import Addressing
import ComputeModel
import NetworkModel
import Resources

/// An attachment as the network's API shows it.
extension ResourceDocument {
    /// What a VM's host is told of the port; nil for what is no attachment.
    func interface(mtu: MTU) -> InterfaceOrder? {
        // A port without a MAC that can be read is not made yet: its VM waits.
        guard let text = status?["mac"]?.string, let mac = try? MACAddress(parsing: text) else { return nil }
        // Not a MAC: then it is no attachment, and there is nothing else to say of it.
        return InterfaceOrder(
            attachment: id, mac: mac, device: .port(id.bytes), mtu: mtu, isWired: phase == "wired")
    }

    var segment: ResourceID? { spec?["segment"]?.string.flatMap { ResourceID($0) } }
    var host: String? { spec?["host"]?.string }
    /// Whether it is a tap, which alone a VM can take.
    var isForMachines: Bool { spec?["port"]?["type"]?.string == "tap" }
    /// Whether a managed gateway lives at it: its router, which no guest takes the place of.
    var isOfGateway: Bool { spec?["port"]?["type"]?.string == "gateway" }

    /// The document that puts it onto a host, or nowhere, with a label or without; all else stays.
    func bound(to host: ResourceID?, label: String, value: String?) throws(FieldError) -> [UInt8] {
        var labels = labels.values
        labels[label] = value
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("name", name)
            writer.member("labels", labels)
            for member in ["annotations", "protected"] {
                guard let node = node[member] else { continue }
                writer.name(member)
                writer.raw(node.raw)
            }
            writer.name("spec")
            writer.object { writer in
                guard case .object(let members)? = spec?.content else { return }
                for (name, value) in members where name != "host" {
                    writer.name(name)
                    writer.raw(value.raw)
                }
                writer.member("host", host)
            }
        }
        return writer.bytes
    }
}
