import APIClient
import Addressing
import Commands
import Documents
import NetworkModel
import Resources

/// An IPv4 address that an attachment has inside its segment: it is never translated, and means nothing elsewhere.
struct InsideAddress {
    var ipv4: IPv4Address
    var attachment: String
    var segment: String
    /// The attachment's address in the IPv4 world; nil when nothing there stands for it.
    var mapped: String?

    /// All of a project that have the address: segments of different gateways may have equal prefixes. Pure.
    static func all(
        _ ipv4: IPv4Address, attachments: [ResourceDocument], segments: [ResourceDocument],
        mappings: [ResourceDocument]
    ) -> [InsideAddress] {
        attachments.filter { attachment in
            attachment.status?["addresses"]?.elements.contains { $0["value"]?.string == "\(ipv4)" } == true
        }.map { attachment in
            let segment = attachment.spec?["segment"]?.string ?? ""
            return InsideAddress(
                ipv4: ipv4, attachment: attachment.name.text,
                segment: segments.first { $0.id.description == segment }?.name.text ?? segment,
                mapped: mappings.first { $0.spec?["attachment"]?.string == attachment.id.description }?
                    .status?["ipv4"]?.string)
        }
    }

    var lines: [String] {
        [
            "\(ipv4) is attachment '\(attachment)' inside segment '\(segment)': reached from there alone, and never "
                + "translated",
            mapped.map { "  in the IPv4 world it is \($0), by a mapping" }
                ?? "  nothing in the IPv4 world stands for it; `kcnet mapping create --attachment \(attachment)` makes that so",
        ]
    }

    var json: JSONNode {
        JSONNode.object([]).setting("way", text: "inside").setting("ipv4", text: "\(ipv4)")
            .setting("attachment", text: attachment).setting("segment", text: segment).setting("mapped", text: mapped)
    }
}
