/// Why a text or number is not the value it was taken for.
///
/// Closed on purpose: a caller can show it to a person (`description`) and a test can compare it.
package struct AddressingError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What the input was taken for, in the words of the field: "IPv6 address", "VNI".
    package let type: String
    /// The input, cut to 64 bytes so that an error is never as large as an attack.
    package let value: String
    /// The rule it breaks, as a clause: "has more than 8 groups".
    package let rule: String

    package init(type: String, value: some StringProtocol, rule: String) {
        self.type = type
        self.value = String(decoding: value.utf8.prefix(64), as: UTF8.self)
        self.rule = rule
    }

    package var description: String { "'\(value)' is not a valid \(type): it \(rule)" }
}
