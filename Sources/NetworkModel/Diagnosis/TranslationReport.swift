package import Addressing
package import Resources

/// What a gateway's translator between IPv6 and IPv4 has counted since it was made.
package struct TranslationReport: Hashable, Sendable {
    /// What went through one mapping; packets that were taken in, before any reason to drop them.
    package struct Mapping: Hashable, Sendable {
        package var ipv4: IPv4Address
        /// From the attachment to the IPv4 world.
        package var sentPackets: UInt64
        package var sentBytes: UInt64
        /// From the IPv4 world to the attachment.
        package var receivedPackets: UInt64
        package var receivedBytes: UInt64

        package init(
            ipv4: IPv4Address, sentPackets: UInt64, sentBytes: UInt64, receivedPackets: UInt64, receivedBytes: UInt64
        ) {
            self.ipv4 = ipv4
            self.sentPackets = sentPackets
            self.sentBytes = sentBytes
            self.receivedPackets = receivedPackets
            self.receivedBytes = receivedBytes
        }
    }

    /// What translates: "kernel", "tayga", or "none" when there is none now.
    package var translator: String
    /// Packets of all senders by what became of them: `toIPv4`, `toIPv6`, and the reasons to drop. At most 64 names of
    /// 1 to 32 letters.
    package var counters: [String: UInt64]
    /// In the order of their addresses; at most `maximumMappings`, the lowest.
    package var mappings: [Mapping]

    package init(translator: String, counters: [String: UInt64] = [:], mappings: [Mapping] = []) {
        self.translator = translator
        self.counters = counters
        self.mappings = mappings
    }

    /// An answer is kept in the store for a minute.
    package static let maximumMappings = 1000
}

extension TranslationReport: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            translator: try reader.required("translator"), counters: try reader.required("counters"),
            mappings: try reader.optional("mappings") ?? [])
        func isWord(_ text: String) -> Bool {
            (1...32).contains(text.utf8.count)
                && text.utf8.allSatisfy { (97...122).contains($0 | 0x20) || (48...57).contains($0) }
        }
        guard isWord(translator) else {
            throw FieldError(
                field: reader.path(of: "translator"), value: translator, rule: "must be 1 to 32 letters and digits")
        }
        guard counters.count <= 64, counters.keys.allSatisfy(isWord) else {
            throw FieldError(
                field: reader.path(of: "counters"), rule: "must be at most 64, named with 1 to 32 letters and digits")
        }
        guard mappings.count <= Self.maximumMappings else {
            throw FieldError(field: reader.path(of: "mappings"), rule: "must be at most \(Self.maximumMappings)")
        }
        try reader.finish()
        try PacketCount.check(Array(counters.values), path: path)
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("translator", translator)
            writer.member("counters", counters)
            writer.member("mappings", mappings)
        }
    }
}

extension TranslationReport.Mapping: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            ipv4: try reader.required("ipv4"), sentPackets: try reader.required("sentPackets"),
            sentBytes: try reader.required("sentBytes"), receivedPackets: try reader.required("receivedPackets"),
            receivedBytes: try reader.required("receivedBytes"))
        try reader.finish()
        try PacketCount.check([sentPackets, sentBytes, receivedPackets, receivedBytes], path: path)
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("ipv4", ipv4)
            writer.member("sentPackets", sentPackets)
            writer.member("sentBytes", sentBytes)
            writer.member("receivedPackets", receivedPackets)
            writer.member("receivedBytes", receivedBytes)
        }
    }
}
