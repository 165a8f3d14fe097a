import Addressing
import Commands
import Documents
import NetworkModel
import Resources

/// How one address is translated at one gateway, both ways.
struct Translation {
    enum Way {
        /// One to one, by a mapping.
        case mapping(name: String, attachment: String, inside: IPv6Address)
        /// Many to one: an attachment, or all that have no mapping (nil), behind the gateway's address.
        case shared(attachment: String?, inside: IPv6Address?)
        /// Somebody of the IPv4 world. `isRefused`: the prefix does not carry the address (RFC 6052 section 3.1).
        case outside(isRefused: Bool)
    }

    var gateway: String
    var prefix: IPv6Prefix
    /// The address in the IPv4 world.
    var ipv4: IPv4Address
    var way: Way
    /// nil when the agent has not told.
    var report: TranslationReport?

    /// Of the mapping; nil for everybody else, whom nothing counts one by one.
    private var traffic: TranslationReport.Mapping? {
        guard case .mapping = way else { return nil }
        return report?.mappings.first { $0.ipv4 == ipv4 }
    }

    /// Where guests of the gateway's segments see the IPv4 address.
    private var seen: IPv6Address {
        IPv6Address(high: prefix.address.high, low: prefix.address.low | UInt64(ipv4.value))
    }

    // MARK: For people

    func lines(coloured: Bool) -> [String] {
        var lines: [String] = []
        var table = Table(["", "in the segment", "in the IPv4 world", "packets", "bytes"])
        func row(_ direction: String, _ inside: String, _ outside: String, _ packets: UInt64?, _ bytes: UInt64?) {
            table.add([
                .init(direction), .init(inside), .init(outside), .init(packets.map { "\($0)" } ?? ""),
                .init(bytes.map { "\($0)" } ?? ""),
            ])
        }
        let peer = "\(prefix.address)<peer>"
        switch way {
        case .mapping(let name, let attachment, let inside):
            lines.append(
                "\(ipv4) is \(inside) of attachment '\(attachment)', by mapping '\(name)' at gateway '\(gateway)'")
            row("sent", "\(inside) → \(peer)", "\(ipv4) → <peer>", traffic?.sentPackets, traffic?.sentBytes)
            row("received", "\(peer) → \(inside)", "<peer> → \(ipv4)", traffic?.receivedPackets, traffic?.receivedBytes)
        case .shared(let attachment, let inside):
            let who = attachment.map { "attachment '\($0)' and others" } ?? "all attachments"
            lines.append("\(ipv4) is shared by \(who) without a mapping, at gateway '\(gateway)'")
            let source = inside?.description ?? "<attachment>"
            row("sent", "\(source), port p → \(peer)", "\(ipv4), port q → <peer>", nil, nil)
            row("answers", "\(peer) → \(source), port p", "<peer> → \(ipv4), port q", nil, nil)
        case .outside(let isRefused):
            lines.append("\(ipv4) is in the IPv4 world; guests behind gateway '\(gateway)' see it as \(seen)")
            if isRefused {
                lines.append(
                    "  but it is not global, and \(prefix) carries no such address: give the gateway another prefix")
            } else {
                row("to it", "<attachment> → \(seen)", "<its address> → \(ipv4)", nil, nil)
                row("from it", "\(seen) → <attachment>", "\(ipv4) → <its address>", nil, nil)
            }
        }
        if !table.rows.isEmpty { lines += table.lines(coloured: coloured).map { "  " + $0 } }
        if let report {
            lines.append("  translator: \(report.translator)" + (counts.isEmpty ? "" : "; " + counts))
        }
        return lines
    }

    /// Of all senders of the gateway.
    private var counts: String {
        guard let report, !report.counters.isEmpty else { return "" }
        let parts = report.counters.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        return "all packets of gateway '\(gateway)': " + parts.joined(separator: ", ")
    }

    // MARK: For programs

    var json: JSONNode {
        var node = JSONNode.object([])
            .setting("gateway", text: gateway).setting("prefix", text: "\(prefix)").setting("ipv4", text: "\(ipv4)")
            .setting("seen", text: "\(seen)")
        switch way {
        case .mapping(let name, let attachment, let inside):
            node = node.setting("way", text: "mapping").setting("mapping", text: name)
                .setting("attachment", text: attachment).setting("address", text: "\(inside)")
        case .shared(let attachment, let inside):
            node = node.setting("way", text: "shared").setting("attachment", text: attachment)
                .setting("address", text: inside?.description)
        case .outside(let isRefused):
            node = node.setting("way", text: "outside").setting("isCarried", to: JSONNode(.bool(!isRefused)))
        }
        guard let report else { return node }
        node = node.setting("translator", text: report.translator)
        func number(_ value: UInt64) -> JSONNode { JSONNode(.number("\(value)")) }
        if let traffic {
            node = node.setting(
                "sent",
                to: .object([("packets", number(traffic.sentPackets)), ("bytes", number(traffic.sentBytes))])
            ).setting(
                "received",
                to: .object([("packets", number(traffic.receivedPackets)), ("bytes", number(traffic.receivedBytes))]))
        }
        return node.setting(
            "counters", to: .object(report.counters.sorted { $0.key < $1.key }.map { ($0.key, number($0.value)) }))
    }
}
