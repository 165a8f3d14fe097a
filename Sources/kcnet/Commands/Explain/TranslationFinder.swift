import APIClient
import Addressing
import Commands
import Documents
import NetworkModel
import Resources

/// Looks an address up among the gateways, mappings and attachments of a project. Pure.
struct TranslationFinder {
    let gateways: [ResourceDocument]
    let mappings: [ResourceDocument]
    let attachments: [ResourceDocument]

    /// Empty when no gateway translates.
    func translations(of ipv4: IPv4Address) -> [Translation] {
        if let mapping = mappings.first(where: { $0.status?["ipv4"]?.string == ipv4.description }) {
            return translation(by: mapping).map { [$0] } ?? []
        }
        if let gateway = gateways.first(where: { $0.status?["outgoing"]?.string == ipv4.description }),
            let prefix = prefix(of: gateway)
        {
            return [
                Translation(
                    gateway: gateway.name.text, prefix: prefix, ipv4: ipv4, way: .shared(attachment: nil, inside: nil))
            ]
        }
        return gateways.compactMap { outside(ipv4, $0) }
    }

    /// Of an attachment, or of what a gateway's prefix stands for.
    func translations(of ipv6: IPv6Address) -> [Translation] {
        for gateway in gateways {
            guard let prefix = prefix(of: gateway), prefix.contains(ipv6) else { continue }
            let ipv4 = IPv4Address(UInt32(truncatingIfNeeded: ipv6.low))
            let known = translations(of: ipv4).filter { if case .outside = $0.way { false } else { true } }
            return known.isEmpty ? [outside(ipv4, gateway)].compactMap(\.self) : known
        }
        if let mapping = mappings.first(where: { $0.status?["address"]?.string == ipv6.description }) {
            return translation(by: mapping).map { [$0] } ?? []
        }
        // Many have the same link-local address, and no router takes one further.
        guard !ipv6.isLinkLocal, let attachment = attachments.first(where: { $0.hasAddress(ipv6) }),
            let segment = attachment.spec?["segment"]?.string, let gateway = gateway(of: segment),
            let prefix = prefix(of: gateway),
            let outgoing = gateway.status?["outgoing"]?.string.flatMap({ IPv4Address($0) })
        else { return [] }
        return [
            Translation(
                gateway: gateway.name.text, prefix: prefix, ipv4: outgoing,
                way: .shared(attachment: attachment.name.text, inside: ipv6))
        ]
    }

    private func translation(by mapping: ResourceDocument) -> Translation? {
        guard let id = mapping.spec?["attachment"]?.string,
            let attachment = attachments.first(where: { $0.id.description == id }),
            let segment = attachment.spec?["segment"]?.string, let gateway = gateway(of: segment),
            let prefix = prefix(of: gateway),
            let ipv4 = mapping.status?["ipv4"]?.string.flatMap({ IPv4Address($0) }),
            let inside = mapping.status?["address"]?.string.flatMap({ IPv6Address($0) })
        else { return nil }
        return Translation(
            gateway: gateway.name.text, prefix: prefix, ipv4: ipv4,
            way: .mapping(name: mapping.name.text, attachment: attachment.name.text, inside: inside))
    }

    private func outside(_ ipv4: IPv4Address, _ gateway: ResourceDocument) -> Translation? {
        prefix(of: gateway).map { prefix in
            Translation(
                gateway: gateway.name.text, prefix: prefix, ipv4: ipv4,
                way: .outside(isRefused: !NAT64(prefix: prefix).mayCarry(ipv4)))
        }
    }

    private func gateway(of segment: String) -> ResourceDocument? {
        gateways.first { $0.spec?["segments"]?.elements.contains { $0.string == segment } == true }
    }

    /// nil when the gateway does not translate.
    private func prefix(of gateway: ResourceDocument) -> IPv6Prefix? {
        guard let nat64 = gateway.spec?["nat64"] else { return nil }
        guard let text = nat64["prefix"]?.string else { return .wellKnownNAT64 }
        // The server has checked it.
        return try? IPv6Prefix(parsing: text)
    }
}

extension ResourceDocument {
    fileprivate func hasAddress(_ address: IPv6Address) -> Bool {
        status?["addresses"]?.elements.contains { $0["value"]?.string == address.description } == true
    }
}
