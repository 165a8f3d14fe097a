package import Addressing
package import Resources

/// A zone that a host with the role `dns` serves; its records come apart (`RecordChange`).
package struct DesiredZone: Hashable, Sendable {
    package var id: ResourceID
    package var generation: UInt64
    package var domain: DomainName
    package var ttl: TimeToLive
    package var secondaries: [Zone.Secondary]
    /// Signs the zone; nil for one that is not signed. Every host that serves it has the same, so that the answers of
    /// any of them validate with the keys of any other.
    package var signingKey: SigningKey?
    /// The names of the servers (NS), in order; the first is the one in SOA.
    package var nameServers: [DomainName]
    /// How many hosts serve it. Each makes its own signatures, so a secondary that takes differences (IXFR) from one
    /// and then another of several would mix them up: with more than one it gets whole zones.
    package var servers: Int

    package init(
        id: ResourceID, generation: UInt64, domain: DomainName, ttl: TimeToLive, secondaries: [Zone.Secondary] = [],
        signingKey: SigningKey? = nil, nameServers: [DomainName] = [], servers: Int = 1
    ) {
        self.id = id
        self.generation = generation
        self.domain = domain
        self.ttl = ttl
        self.secondaries = secondaries
        self.signingKey = signingKey
        self.nameServers = nameServers
        self.servers = servers
    }
}

/// The private key of a zone (ECDSA P-256, RFC 6605): 32 octets. Never shown: neither by the API nor in a text.
package struct SigningKey: Hashable, Sendable, CustomStringConvertible {
    package let octets: [UInt8]

    /// nil unless there are 32, not above the order of the group in their first four octets.
    package init?(octets: [UInt8]) {
        guard octets.count == 32, octets.contains(where: { $0 != 0 }), !octets.prefix(4).allSatisfy({ $0 == 0xff })
        else { return nil }
        self.octets = octets
    }

    package var description: String { "(secret)" }

    /// 64 hex digits.
    package var secret: String { octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }

    package init?(secret text: String) {
        guard text.utf8.count == 64 else { return nil }
        var octets: [UInt8] = []
        var rest = text[...]
        while !rest.isEmpty {
            guard let octet = UInt8(rest.prefix(2), radix: 16), rest.first != "+", rest.first != "-" else { return nil }
            octets.append(octet)
            rest = rest.dropFirst(2)
        }
        self.init(octets: octets)
    }
}

extension DesiredZone: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let secret: String? = try reader.optional("signingKey")
        let key = secret.flatMap { SigningKey(secret: $0) }
        if secret != nil, key == nil {
            throw FieldError(field: reader.path(of: "signingKey"), rule: "must be 64 hex digits")
        }
        self.init(
            id: try reader.required("id"), generation: try reader.required("generation"),
            domain: try reader.required("domain"), ttl: try reader.required("ttl"),
            secondaries: try reader.optional("secondaries") ?? [], signingKey: key,
            nameServers: try reader.optional("nameServers") ?? [],
            servers: try reader.optional("servers", as: Int.self) ?? 1)
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", id)
            writer.member("generation", generation)
            writer.member("domain", domain)
            writer.member("ttl", ttl)
            if !secondaries.isEmpty { writer.member("secondaries", secondaries) }
            writer.member("signingKey", signingKey?.secret)
            writer.member("nameServers", nameServers)
            writer.member("servers", servers)
        }
    }
}
