import Addressing
import Resources

/// The members of an attachment's spec that say what its port lets through.
extension Attachment.Spec {
    func requireSensibleIsolation(_ reader: FieldReader) throws(FieldError) {
        let names = reader.path(of: "policies")
        guard (1...Self.maximumPolicies).contains(policies.count) else {
            throw FieldError(
                field: names, value: "\(policies.count) policies",
                rule: "must be 1 to \(Self.maximumPolicies); 'deny-in' is the one that lets nobody in")
        }
        guard Set(policies).count == policies.count else {
            throw FieldError(field: names, rule: "must not repeat a policy")
        }
        try requireSensibleAllowedAddresses(path: reader.path(of: "allowedAddresses"))
        guard (0...Self.maximumLearnedAddresses).contains(learnedAddresses) else {
            throw FieldError(
                field: reader.path(of: "learnedAddresses"), value: "\(learnedAddresses)",
                rule: "must be from 0 to \(Self.maximumLearnedAddresses)")
        }
    }

    private func requireSensibleAllowedAddresses(path: String) throws(FieldError) {
        guard allowedAddresses.count <= Self.maximumAllowedAddresses else {
            throw FieldError(
                field: path, value: "\(allowedAddresses.count) prefixes",
                rule: "must be at most \(Self.maximumAllowedAddresses)")
        }
        for (index, prefix) in allowedAddresses.enumerated() {
            func refuse(_ rule: String) -> FieldError {
                FieldError(field: "\(path)[\(index)]", value: prefix.description, rule: rule)
            }
            if prefix.address.isMulticast { throw refuse("must not be multicast: nobody sends from there") }
            if prefix.length > 0, prefix.address.isUnspecified || prefix.address.isLoopback {
                throw refuse("must be unicast and neither unspecified nor loopback")
            }
            if prefix.address.isLinkLocal {
                guard prefix.length == 128, ![.segmentRouter, .guestServices].contains(prefix.address) else {
                    throw refuse(
                        "must be a single address (/128) when link-local, and none of the router, fe80::1 and "
                            + "\(IPv6Address.guestServices)")
                }
            }
            if allowedAddresses[..<index].contains(where: { $0.overlaps(prefix) }) {
                throw refuse("must not overlap another one of the list")
            }
        }
    }

    /// Members at their defaults are left out: an older program reads what it knows.
    func writeIsolation(to writer: inout JSONWriter) {
        if policies != Self.standardPolicies { writer.member("policies", policies) }
        if !allowedAddresses.isEmpty { writer.member("allowedAddresses", allowedAddresses) }
        if limits != .none { writer.member("limits", limits) }
        if learnedAddresses != Self.standardLearnedAddresses { writer.member("learnedAddresses", learnedAddresses) }
    }
}
