import Resources
import Yams

/// One YAML scalar as a JSON value.
enum YAMLScalar {
    struct Ambiguous: Error { let rule: String }

    static func value(_ scalar: Node.Scalar) throws(Ambiguous) -> JSONNode {
        let text = scalar.string
        switch scalar.tag.rawValue {
        case "": return scalar.style == .plain ? try plain(text) : .string(text)
        case "!", "tag:yaml.org,2002:str": return .string(text)
        case "tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:null":
            return try plain(text)
        default: throw Ambiguous(rule: "the tag \(scalar.tag.rawValue.prefix(64)) is not known here")
        }
    }

    /// An unquoted scalar (YAML 1.2.2 section 10.3.2).
    private static func plain(_ text: String) throws(Ambiguous) -> JSONNode {
        switch text {
        case "", "~", "null", "Null", "NULL": return JSONNode(.null)
        case "true", "True", "TRUE": return JSONNode(.bool(true))
        case "false", "False", "FALSE": return JSONNode(.bool(false))
        default: break
        }
        if isJSONNumber(text) { return JSONNode(.number(text)) }
        for (prefix, radix) in [("0x", 16), ("0o", 8)] where text.hasPrefix(prefix) {
            if let number = UInt64(text.dropFirst(2), radix: radix) { return JSONNode(.number(String(number))) }
        }
        guard !looksLikeNumber(text) else {
            throw Ambiguous(
                rule: "'\(text.prefix(64))' could be a number or a text: put it in quotes, or write it as JSON does")
        }
        return .string(text)
    }

    private static func isJSONNumber(_ text: String) -> Bool {
        guard let first = text.utf8.first, first == UInt8(ascii: "-") || (48...57).contains(first) else { return false }
        do {
            guard case .number = try JSONParser.parse(Array(text.utf8)).content else { return false }
            return true
        } catch { return false }
    }

    /// The other numbers of YAML 1.1 and 1.2: signs, leading zeros, bare points, infinities.
    private static func looksLikeNumber(_ text: String) -> Bool {
        var rest = Substring(text.lowercased())
        if rest.hasPrefix("+") || rest.hasPrefix("-") { rest = rest.dropFirst() }
        if rest == ".inf" || rest == ".nan" { return true }
        guard rest.contains(where: \.isNumber), rest.allSatisfy({ $0.isASCII }) else { return false }
        let mantissa = rest.prefix { $0.isNumber || $0 == "." || $0 == "_" }
        guard mantissa.contains(where: \.isNumber), mantissa.filter({ $0 == "." }).count <= 1 else { return false }
        let exponent = rest[mantissa.endIndex...]
        if exponent.isEmpty { return true }
        guard exponent.first == "e" else { return false }
        let digits = exponent.dropFirst().drop { $0 == "+" || $0 == "-" }
        return !digits.isEmpty && digits.allSatisfy(\.isNumber)
    }
}
