package import Addressing
package import Resources

/// What a gateway is to translate between its segments and the IPv4 world.
package struct DesiredNAT64: Hashable, Sendable {
    /// Always a /96.
    package var prefix: IPv6Prefix
    /// Behind which senders without a mapping appear; nil leaves them without a way.
    package var outgoing: IPv4Address?
    /// One to one, of the attachments on its segments.
    package var mappings: [IPv4Address: IPv6Address]

    package init(prefix: IPv6Prefix, outgoing: IPv4Address? = nil, mappings: [IPv4Address: IPv6Address] = [:]) {
        self.prefix = prefix
        self.outgoing = outgoing
        self.mappings = mappings
    }
}

extension DesiredNAT64: JSONCodable {
    private struct Pair: JSONCodable {
        var ipv4: IPv4Address
        var address: IPv6Address

        init(_ ipv4: IPv4Address, _ address: IPv6Address) {
            self.ipv4 = ipv4
            self.address = address
        }

        init(json node: JSONNode, path: String) throws(FieldError) {
            var reader = try FieldReader(node, path: path)
            self.init(try reader.required("ipv4"), try reader.required("address"))
            try reader.finish()
        }

        func write(to writer: inout JSONWriter) {
            writer.object { writer in
                writer.member("ipv4", ipv4)
                writer.member("address", address)
            }
        }
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(prefix: try reader.required("prefix"), outgoing: try reader.optional("outgoing"))
        for pair in try reader.optional("mappings", as: [Pair].self) ?? [] { mappings[pair.ipv4] = pair.address }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("prefix", prefix)
            writer.member("outgoing", outgoing)
            writer.member("mappings", mappings.sorted { $0.key < $1.key }.map { Pair($0.key, $0.value) })
        }
    }
}
