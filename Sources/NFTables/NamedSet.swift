package import Addressing

/// A set that rules look up and whose elements come and go without touching a rule.
package struct NamedSet: Hashable, Sendable {
    package enum Key: String, Hashable, Sendable {
        /// Sixteen bytes, the name padded with zeros (IFNAMSIZ, linux/if.h).
        case interfaceName = "ifname"
        /// Sixteen bytes in network order.
        case ipv6Address = "ipv6_addr"
    }

    package var name: Identifier
    package var key: Key
    package var comment: Comment?

    package init(_ name: Identifier, of key: Key, comment: Comment? = nil) {
        self.name = name
        self.key = key
        self.comment = comment
    }

    var lines: [String] {
        ["set \(name) {", "\ttype \(key.rawValue)"] + (comment.map { ["\t\($0.clause)"] } ?? []) + ["}"]
    }
}

/// One element of a set.
package enum Element: Hashable, Sendable, CustomStringConvertible {
    case interface(InterfaceName)
    case address(IPv6Address)

    /// The key as netlink carries it (NFTA_SET_ELEM_KEY): 16 bytes for both types.
    package var key: [UInt8] {
        switch self {
        case .interface(let name):
            let bytes = Array(name.text.utf8)
            return bytes + [UInt8](repeating: 0, count: 16 - bytes.count)
        case .address(let address): return address.bytes
        }
    }

    package var description: String { text }

    /// As commands of nft take it.
    var text: String {
        switch self {
        case .interface(let name): "\"\(name)\""
        case .address(let address): "\(address)"
        }
    }
}

/// Elements for one set, to be there from the first instant of a structure.
package struct Elements: Hashable, Sendable {
    package var table: Table.Family
    package var tableName: Identifier
    package var set: Identifier
    package var values: [Element]

    package init(_ table: Table.Family, _ tableName: Identifier, _ set: Identifier, _ values: [Element]) {
        self.table = table
        self.tableName = tableName
        self.set = set
        self.values = values
    }

    /// `add element …`, one element a line: nft reads long single lines slowly.
    var text: String {
        "add element \(table.rawValue) \(tableName) \(set) {\n"
            + values.map(\.text).joined(separator: ",\n") + "\n}\n"
    }
}
