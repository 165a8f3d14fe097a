package import Addressing
package import Resources

/// A part of the DNS that KC serves with authority, on every host with the role `dns`.
///
/// A forward zone (`cloud.example`) or a reverse one (`8.b.d.0.1.0.0.2.ip6.arpa`, `113.0.203.in-addr.arpa`).
package enum Zone: ResourceKind {
    package static let kind = KindName("zone", plural: "zones", isInProject: false)
    package typealias Assigned = Nothing

    package struct Spec: Hashable, JSONCodable {
        /// The name at the top; one zone has it.
        package var domain: DomainName
        /// Whether attachments have their names here: `<attachment>.<segment>.<project>.<domain>`, or in a reverse zone
        /// the names of their addresses.
        package var attachments: Bool
        /// The projects whose attachments and records it is for; empty: all of them.
        package var projects: [Reference<Project>]
        /// Servers that copy the zone and are told of changes.
        package var secondaries: [Secondary]
        /// Names of further servers of the zone, such as the secondaries', beside those of the hosts.
        package var nameServers: [DomainName]
        /// Of everything that has none of its own.
        package var ttl: TimeToLive
        /// Signed with ECDSA P-256 (RFC 6605).
        package var dnssec: Bool

        package init(
            domain: DomainName, attachments: Bool = false, projects: [Reference<Project>] = [],
            secondaries: [Secondary] = [], nameServers: [DomainName] = [], ttl: TimeToLive = .standard,
            dnssec: Bool = true
        ) {
            self.domain = domain
            self.attachments = attachments
            self.projects = projects
            self.secondaries = secondaries
            self.nameServers = nameServers
            self.ttl = ttl
            self.dnssec = dnssec
        }

        package static let maximumProjects = 100
        package static let maximumSecondaries = 8
        package static let maximumNameServers = 8
        /// In octets on the wire: leaves room for three labels of 63.
        package static let longestDomainOfAttachments = DomainName.longest - 3 * (DomainName.longestLabel + 1)
    }

    /// A server that copies a zone (AXFR, RFC 5936; IXFR, RFC 1995) and is notified (RFC 1996).
    package struct Secondary: Hashable, JSONCodable {
        package var address: IPv6Address
        /// The name of the TSIG key (RFC 8945, hmac-sha256) that both share; its secret is in a file of each host with
        /// the role `dns` and never in the API. nil: the address alone decides.
        package var key: Name?

        package init(address: IPv6Address, key: Name? = nil) {
            self.address = address
            self.key = key
        }
    }
}

extension Zone.Secondary {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(address: try reader.required("address"), key: try reader.optional("key"))
        guard !address.isMulticast, !address.isUnspecified, !address.isLinkLocal else {
            throw FieldError(
                field: reader.path(of: "address"), value: address.description,
                rule: "must be a unicast address that is not link-local")
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("address", address)
            writer.member("key", key)
        }
    }
}

extension Zone.Spec {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            domain: try reader.required("domain"), attachments: try reader.optional("attachments") ?? false,
            projects: try reader.optional("projects") ?? [], secondaries: try reader.optional("secondaries") ?? [],
            nameServers: try reader.optional("nameServers") ?? [], ttl: try reader.optional("ttl") ?? .standard,
            dnssec: try reader.optional("dnssec") ?? true)
        try reader.finish()
        func refuse(_ member: String, _ value: String, _ rule: String) -> FieldError {
            FieldError(field: reader.path(of: member), value: value, rule: rule)
        }
        guard domain.labels.count >= 2 || domain.isReverse, !domain.isWildcard else {
            throw refuse("domain", domain.description, "must have at least two labels and no wildcard")
        }
        if domain.isReverse, domain.reversePrefix6 == nil, domain.reversePrefix4 == nil {
            throw refuse(
                "domain", domain.description,
                "must be the reversed hex digits of an IPv6 prefix under ip6.arpa, or numbers under in-addr.arpa")
        }
        guard !attachments || domain.isReverse || domain.length <= Self.longestDomainOfAttachments else {
            throw refuse(
                "domain", domain.description,
                "must be at most \(Self.longestDomainOfAttachments - 2) characters where attachments have names in it")
        }
        guard projects.count <= Self.maximumProjects, Set(projects).count == projects.count else {
            throw refuse("projects", "", "must be at most \(Self.maximumProjects) and not repeat one")
        }
        guard secondaries.count <= Self.maximumSecondaries,
            Set(secondaries.map(\.address)).count == secondaries.count
        else { throw refuse("secondaries", "", "must be at most \(Self.maximumSecondaries) with different addresses") }
        guard nameServers.count <= Self.maximumNameServers, Set(nameServers).count == nameServers.count,
            nameServers.allSatisfy({ !$0.isRoot && !$0.isWildcard })
        else {
            throw refuse("nameServers", "", "must be at most \(Self.maximumNameServers) different names of servers")
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("domain", domain)
            writer.member("attachments", attachments)
            if !projects.isEmpty { writer.member("projects", projects) }
            if !secondaries.isEmpty { writer.member("secondaries", secondaries) }
            if !nameServers.isEmpty { writer.member("nameServers", nameServers) }
            writer.member("ttl", ttl)
            writer.member("dnssec", dnssec)
        }
    }
}
