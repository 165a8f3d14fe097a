/// One condition of a rule.
package enum Match: Hashable, Sendable {
    case equal(Field, FieldValue)
    case notEqual(Field, FieldValue)
    /// As numbers.
    case below(Field, UInt64)
    /// One of these numbers (an anonymous set); at least one.
    case oneOf(Field, [UInt64])
    /// These bits have this value.
    case masked(Field, UInt64, equal: UInt64)
    /// Some of these bits are set.
    case anyBit(Field, UInt64)
    /// The packet is long enough to have the field, whatever its value.
    case isPresent(Field)
    /// The interface a packet came in by has a name that begins so.
    case inputNamePrefix(InterfacePrefix)
    /// The interface it leaves by has a name that begins so.
    case outputNamePrefix(InterfacePrefix)
    /// The fields, one after the other, are a key of the set. What the found element carries (a limit) must hold too.
    case inSet([Field], Identifier)
    case notInSet([Field], Identifier)
}

/// The beginning of interface names, without a wildcard character.
package struct InterfacePrefix: Hashable, Sendable, ExpressibleByStringLiteral {
    package let text: String

    package init(stringLiteral text: StaticString) {
        self.text = text.description
        precondition(
            (1...15).contains(self.text.utf8.count) && self.text.utf8.allSatisfy { (97...122).contains($0) },
            "interface prefix \(self.text)")
    }
}

extension Match {
    var text: String {
        switch self {
        case .equal(let field, let value): "\(field.text) \(field.text(value))"
        case .notEqual(let field, let value): "\(field.text) != \(field.text(value))"
        case .below(let field, let number): "\(field.text) < \(field.text(.number(number)))"
        case .oneOf(let field, let numbers):
            "\(field.text) { \(numbers.map { field.text(.number($0)) }.joined(separator: ", ")) }"
        case .masked(let field, let bits, let value):
            "\(field.text) & \(field.text(.number(bits))) == \(field.text(.number(value)))"
        case .anyBit(let field, let bits):
            "\(field.text) & \(field.text(.number(bits))) != \(field.text(.number(0)))"
        case .isPresent(let field): "\(field.text) >= \(field.text(.number(0)))"
        case .inputNamePrefix(let prefix): "iifname \"\(prefix.text)*\""
        case .outputNamePrefix(let prefix): "oifname \"\(prefix.text)*\""
        case .inSet(let key, let set): "\(key.text) @\(set)"
        case .notInSet(let key, let set): "\(key.text) != @\(set)"
        }
    }
}

extension [Field] {
    /// `a . b . c`
    var text: String { map(\.text).joined(separator: " . ") }
}
