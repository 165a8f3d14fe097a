package import Addressing
package import Resources

/// The alias (IFLA_IFALIAS) by which KC knows its own devices. A device without an exact one is foreign: it is looked
/// at, reported, and never changed.
package enum DeviceMark: Hashable, Sendable {
    /// A segment's bridge or VXLAN.
    case segment(ResourceID)
    /// A tap, either end of a veth.
    case attachment(ResourceID)
    /// `lo` of a gateway's namespace: so the namespace itself is known as ours.
    case gateway(ResourceID)
    /// An operator's interface that KC took into a bridge and gives back.
    case external(ExternalMark)
    /// Either end of a gateway's way out: a veth, or an operator's interface that KC moved into the gateway.
    case uplink(UplinkMark)

    /// nil for whatever is not, byte for byte, an alias that KC writes.
    package init?(alias: String) {
        guard alias.utf8.starts(with: Self.prefix.utf8) else { return nil }
        func rest(after prefix: StaticString) -> Substring? {
            let length = prefix.utf8CodeUnitCount
            return prefix.withUTF8Buffer { alias.utf8.starts(with: $0) } ? Substring(alias.utf8.dropFirst(length)) : nil
        }
        // Ids are written in lower case; any other way of writing one is not ours.
        func id(after prefix: StaticString) -> ResourceID? {
            guard let rest = rest(after: prefix), !rest.utf8.contains(where: { (65...90).contains($0) }) else {
                return nil
            }
            return ResourceID(String(rest))
        }
        if let id = id(after: "kc:segment/") {
            self = .segment(id)
        } else if let id = id(after: "kc:attachment/") {
            self = .attachment(id)
        } else if let id = id(after: "kc:gateway/") {
            self = .gateway(id)
        } else if let mark = rest(after: "kc:external/").flatMap(ExternalMark.init), mark.alias == alias {
            self = .external(mark)
        } else if let mark = rest(after: "kc:uplink/").flatMap(UplinkMark.init), mark.alias == alias {
            self = .uplink(mark)
        } else {
            return nil
        }
    }

    package var alias: String {
        switch self {
        case .segment(let id): "kc:segment/\(id)"
        case .attachment(let id): "kc:attachment/\(id)"
        case .gateway(let id): "kc:gateway/\(id)"
        case .external(let mark): mark.alias
        case .uplink(let mark): mark.alias
        }
    }

    /// The resource that the device serves.
    package var subject: Subject {
        switch self {
        case .segment(let id): .segment(id)
        case .attachment(let id): .attachment(id)
        case .gateway(let id): .gateway(id)
        case .external(let mark): .attachment(mark.attachment)
        case .uplink(let mark): .gateway(mark.gateway)
        }
    }

    /// What every alias of KC begins with.
    package static let prefix = "kc:"

    /// The mark of a device, also considering what it is: an alias of a segment on a network card is a forgery, and
    /// the card is not ours to delete.
    package static func of(_ link: ObservedLink) -> DeviceMark? {
        guard let mark = link.settings.alias.flatMap(DeviceMark.init(alias:)) else { return nil }
        switch (mark, link.kind) {
        case (.segment, .vxlan), (.segment, .bridge), (.attachment, .tap), (.attachment, .veth), (.external, _):
            return mark
        case (.uplink(let uplink), let kind): return uplink.taken != nil || kind == .veth ? mark : nil
        case (.gateway, _): return link.name == .loopback ? mark : nil
        default: return nil
        }
    }
}

/// What an external interface was before KC took it, kept in its alias so that it can be given back after any crash.
package struct ExternalMark: Hashable, Sendable {
    package var attachment: ResourceID
    /// It was administratively down.
    package var wasDown: Bool
    /// IPv6 was disabled on it.
    package var hadNoIPv6: Bool
    package var formerAlias: String?

    /// IFALIASZ - 1 (linux/if.h).
    package static let maximumAlias = 255

    package init(attachment: ResourceID, wasDown: Bool, hadNoIPv6: Bool, formerAlias: String?) {
        self.attachment = attachment
        self.wasDown = wasDown
        self.hadNoIPv6 = hadNoIPv6
        self.formerAlias = formerAlias
    }

    private static let down = " down"
    private static let noIPv6 = " no-ipv6"
    private static let was = " was "

    var alias: String { "kc:external/\(text)" }

    private var text: String {
        attachment.description + (wasDown ? Self.down : "") + (hadNoIPv6 ? Self.noIPv6 : "")
            + (formerAlias.map { Self.was + $0 } ?? "")
    }

    init?(_ text: Substring) {
        guard let attachment = ResourceID(text.prefix(36)) else { return nil }
        var rest = text.dropFirst(36)
        func take(_ word: String) -> Bool {
            guard rest.hasPrefix(word) else { return false }
            rest = rest.dropFirst(word.count)
            return true
        }
        let wasDown = take(Self.down)
        let hadNoIPv6 = take(Self.noIPv6)
        let formerAlias = take(Self.was) ? String(rest) : nil
        guard formerAlias != nil || rest.isEmpty else { return nil }
        self.init(attachment: attachment, wasDown: wasDown, hadNoIPv6: hadNoIPv6, formerAlias: formerAlias)
    }
}

extension InterfaceName {
    /// `lo`.
    package static let loopback = InterfaceName.literal("lo")

    /// The VNI in a name of the form `kcb…`, `kcx…` or `seg…`; nil for any other name.
    var segmentVNI: VNI? {
        let bytes = Array(text.utf8)
        guard bytes.count == 9, ["kcb", "kcx", "seg"].contains(text.prefix(3)),
            let number = UInt32(text.dropFirst(3), radix: 16)
        else { return nil }
        return VNI(ordinal: UInt64(number))
    }

    private static func literal(_ text: StaticString) -> InterfaceName {
        do { return try InterfaceName(text.description) } catch { preconditionFailure("\(error)") }
    }
}
