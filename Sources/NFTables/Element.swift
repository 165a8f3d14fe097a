package import Addressing

/// One element of a set or map.
package struct Element: Hashable, Sendable {
    /// What the element carries beside its key.
    package enum Value: Hashable, Sendable {
        case none
        case mark(UInt32)
    }

    package var key: ElementKey
    /// The last of the box, inclusive, in interval sets; nil elsewhere.
    package var end: End?
    package var value: Value
    /// nil in sets whose elements have none.
    package var limit: Limit?

    /// The other corner of a box: kept apart, since few elements have one.
    package final class End: Hashable, Sendable {
        package let key: ElementKey
        package init(_ key: ElementKey) { self.key = key }
        package static func == (left: End, right: End) -> Bool { left.key == right.key }
        package func hash(into hasher: inout Hasher) { hasher.combine(key) }
    }

    package init(key: ElementKey, end: ElementKey? = nil, value: Value = .none, limit: Limit? = nil) {
        self.key = key
        self.end = end.map(End.init)
        self.value = value
        self.limit = limit
    }
}

extension NamedSet {
    /// A key of these parts, in order.
    package func key(_ parts: [FieldValue]) -> ElementKey { ElementKey(key, parts, interval: isInterval) }

    /// The parts of a key of this set; nil when it is none.
    package func parts(of key: ElementKey) -> [FieldValue]? { key.values(of: self.key, interval: isInterval) }

    /// An element with these parts of the key, in order.
    package func element(
        _ parts: FieldValue..., value: Element.Value = .none, limit: Limit? = nil
    ) -> Element {
        let key = key(parts)
        return Element(key: key, end: isInterval ? key : nil, value: value, limit: limit)
    }

    /// A box: each part from one value to another, both inclusive.
    package func box(_ parts: ClosedBound..., value: Element.Value = .none) -> Element {
        Element(key: key(parts.map(\.first)), end: key(parts.map(\.last)), value: value)
    }

    /// An element as commands of nft take it; nil when its key is not one of this set.
    package func text(of element: Element) -> String? {
        guard let first = parts(of: element.key) else { return nil }
        var last = first
        if let end = element.end {
            guard let values = parts(of: end.key) else { return nil }
            last = values
        }
        var text = zip(key, zip(first, last)).map { field, bounds in
            bounds.0 == bounds.1 ? field.text(bounds.0) : "\(field.text(bounds.0))-\(field.text(bounds.1))"
        }.joined(separator: " . ")
        if let limit = element.limit { text += " \(limit.text)" }
        switch element.value {
        case .none: break
        case .mark(let mark): text += " : 0x\(String(mark, radix: 16))"
        }
        return text
    }
}

/// One side of a box.
package struct ClosedBound: Hashable, Sendable {
    package var first: FieldValue
    package var last: FieldValue

    package init(_ first: FieldValue, _ last: FieldValue) {
        self.first = first
        self.last = last
    }

    package static func only(_ value: FieldValue) -> ClosedBound { ClosedBound(value, value) }
    package static func numbers(_ range: ClosedRange<UInt64>) -> ClosedBound {
        ClosedBound(.number(range.lowerBound), .number(range.upperBound))
    }
    package static func prefix(_ prefix: IPv6Prefix) -> ClosedBound {
        ClosedBound(.address(prefix.address), .address(prefix.last))
    }
}

/// Elements for one set, to be there from the first instant of a structure.
package struct Elements: Hashable, Sendable {
    package var family: Table.Family
    package var table: Identifier
    package var set: NamedSet
    package var values: [Element]

    package init(_ family: Table.Family, _ table: Identifier, _ set: NamedSet, _ values: [Element]) {
        self.family = family
        self.table = table
        self.set = set
        self.values = values
    }

    /// `add element …`, one element a line: nft reads long single lines slowly.
    var text: String {
        "add element \(family.rawValue) \(table) \(set.name) {\n"
            + values.compactMap(set.text).joined(separator: ",\n") + "\n}\n"
    }
}
