import Addressing
package import NetworkModel
package import Resources

/// A rule of a policy in one line, as people type and read it:
///
///     tcp/80,443 from 2001:db8::/32,clients rate 100 log
///
/// A protocol (`tcp`, `udp`, `icmpv6`, …, `any`), after a slash its ports or ICMPv6 types, then in any order: `from`
/// (for what leaves, `to`) with prefixes, addresses and names of policies, or `any`; `rate` with packets a second that
/// may begin a flow; `log`.
package enum PolicyRuleText {
    package static let form = "PROTOCOL[/PORTS] [from|to PEER,…] [rate N] [log], as in 'tcp/80,443 from 2001:db8::/32'"

    /// - Parameters: `field` is named in errors; `peers` stand for a rule that names none itself (`any`: everybody).
    package static func rule(
        _ text: String, _ direction: PolicyRule.Direction, peers standard: [String] = [], field: String
    ) throws(FieldError) -> PolicyRule {
        func refuse(_ rule: String) -> FieldError { FieldError(field: field, value: text, rule: rule) }
        var words = text.split(whereSeparator: \.isWhitespace).map(String.init)[...]
        guard let first = words.popFirst() else { throw refuse("must be \(form)") }
        let parts = first.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = PolicyProtocol(rawValue: parts[0].lowercased()) else {
            throw refuse(
                "must begin with one of \(PolicyProtocol.allCases.map(\.rawValue).joined(separator: ", ")): \(form)")
        }
        var rule = PolicyRule(name)
        if parts.count > 1 {
            for part in parts[1].split(separator: ",", omittingEmptySubsequences: false) {
                if name == .icmpv6 {
                    guard let type = UInt8(part) else { throw refuse("must have ICMPv6 types from 0 to 255 after '/'") }
                    rule.types.append(type)
                } else {
                    guard let range = PortRange(part) else { throw refuse("after '/' \(PortRange.rule)") }
                    rule.ports.append(range)
                }
            }
        }
        var peers = standard.joined(separator: ",")
        while let word = words.popFirst() {
            switch word.lowercased() {
            case direction.peersName:
                guard let list = words.popFirst() else { throw refuse("must have peers after '\(word)'") }
                peers = list
            case "rate":
                guard let number = words.popFirst().flatMap({ UInt32($0) }) else {
                    throw refuse("must have a number of packets a second after 'rate'")
                }
                rule.rate = number
            case "log": rule.log = true
            default:
                throw refuse(
                    "has '\(DisplayText.safe(word))', which is none of \(direction.peersName), rate, log: \(form)")
            }
        }
        if !peers.isEmpty, peers != "any" {
            rule.peers = try peers.split(separator: ",", omittingEmptySubsequences: false).map {
                peer throws(FieldError) in
                if let peer = self.peer(String(peer)) { return peer }
                if let error = self.prefixError(String(peer)) {
                    throw refuse("'\(DisplayText.safe(error.value))' is not a valid \(error.type): it \(error.rule)")
                }
                throw refuse("'\(DisplayText.safe(String(peer)))' is no prefix, no address and no policy's name")
            }
        }
        return rule
    }

    private static func peer(_ text: String) -> PolicyPeer? {
        guard text.contains(":") else {
            // A name has no dot.
            if let prefix = try? IPv4Prefix(parsing: text) { return .prefix(prefix.mapped) }  // then it is no prefix
            if let address = IPv4Address(text) { return .prefix(IPv4Prefix(host: address).mapped) }
            return Reference<Policy>(text).map { .members($0) }
        }
        if let prefix = IPv6Prefix(text) { return .prefix(prefix) }
        return IPv6Address(text).map { .prefix(IPv6Prefix(containing: $0, length: 128)) }
    }

    /// What is wrong with a text that is meant to be a prefix; nil when it is not.
    private static func prefixError(_ text: String) -> AddressingError? {
        guard text.contains("/") else { return nil }
        do throws(AddressingError) {
            _ = text.contains(":") ? try IPv6Prefix(parsing: text).length : try IPv4Prefix(parsing: text).length
            return nil
        } catch { return error }
    }

    /// - Parameter name: of the policy behind an id.
    package static func text(_ rule: PolicyRule, _ direction: PolicyRule.Direction, _ name: (String) -> String)
        -> String
    {
        var text = rule.protocol.rawValue
        let numbers = rule.ports.map(\.description) + rule.types.map { "\($0)" }
        if !numbers.isEmpty { text += "/" + numbers.joined(separator: ",") }
        if let peers = rule.peers {
            text += " \(direction.peersName) "
            text += peers.map { peer in
                switch peer {
                case .prefix(let prefix): prefix.ipv4?.description ?? prefix.description
                case .members(let policy): name(policy.description)
                }
            }.joined(separator: ",")
        }
        if let rate = rule.rate { text += " rate \(rate)" }
        return rule.log ? text + " log" : text
    }
}
