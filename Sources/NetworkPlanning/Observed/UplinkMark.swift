package import Addressing
package import Resources

/// What the alias of an uplink's device remembers: whose it is, and of an operator's interface what it was before.
package struct UplinkMark: Hashable, Sendable {
    package var gateway: ResourceID
    /// nil for a veth of KC's own.
    package var taken: Taken?

    package struct Taken: Hashable, Sendable {
        /// Its name on the host.
        package var name: InterfaceName
        package var wasDown: Bool
        package var formerAlias: String?

        package init(name: InterfaceName, wasDown: Bool, formerAlias: String?) {
            self.name = name
            self.wasDown = wasDown
            self.formerAlias = formerAlias
        }
    }

    package init(gateway: ResourceID, taken: Taken? = nil) {
        self.gateway = gateway
        self.taken = taken
    }

    private static let down = " down"
    private static let was = " was "

    var alias: String {
        guard let taken else { return "kc:uplink/\(gateway)" }
        return "kc:uplink/\(gateway) \(taken.name)" + (taken.wasDown ? Self.down : "")
            + (taken.formerAlias.map { Self.was + $0 } ?? "")
    }

    init?(_ text: Substring) {
        guard let gateway = ResourceID(text.prefix(36)) else { return nil }
        self.gateway = gateway
        var rest = text.dropFirst(36)
        guard !rest.isEmpty else { return }
        guard rest.first == " " else { return nil }
        rest = rest.dropFirst()
        let name = rest.prefix { $0 != " " }
        rest = rest.dropFirst(name.count)
        let wasDown = rest.hasPrefix(Self.down)
        if wasDown { rest = rest.dropFirst(Self.down.count) }
        let formerAlias = rest.hasPrefix(Self.was) ? String(rest.dropFirst(Self.was.count)) : nil
        guard formerAlias != nil || rest.isEmpty else { return nil }
        do throws(AddressingError) {
            taken = Taken(name: try InterfaceName(String(name)), wasDown: wasDown, formerAlias: formerAlias)
        } catch { return nil }
    }
}
