package import Addressing

/// A zone file (RFC 1035 section 5) with SOA and the NS of the top, rendered from typed values alone.
///
/// Its serial is always 1: the server that loads it counts on by itself whenever the contents differ.
package struct ZoneFile: Hashable, Sendable {
    package struct Record: Hashable, Sendable {
        package var owner: DomainName
        package var ttlSeconds: UInt32
        package var data: RecordData

        package init(owner: DomainName, ttlSeconds: UInt32, data: RecordData) {
            self.owner = owner
            self.ttlSeconds = ttlSeconds
            self.data = data
        }
    }

    package var domain: DomainName
    package var ttlSeconds: UInt32
    /// At least one; the first stands in SOA.
    package var nameServers: [DomainName]
    /// In the order in which they are written.
    package var records: [Record]

    package init(domain: DomainName, ttlSeconds: UInt32, nameServers: [DomainName], records: [Record]) {
        self.domain = domain
        self.ttlSeconds = ttlSeconds
        self.nameServers = nameServers
        self.records = records
    }

    /// How often secondaries look by themselves, and again after a failure; how long they answer without having heard
    /// from here (RFC 1912 section 2.2); and how long a resolver may keep that there is no such name (RFC 2308): short,
    /// because names come into being at any moment.
    package static let refreshSeconds = 3600
    package static let retrySeconds = 600
    package static let expireSeconds = 1_209_600
    package static let negativeSeconds = 5

    /// The whole file.
    package var text: String {
        let first = nameServers.first ?? domain
        let times = "\(Self.refreshSeconds) \(Self.retrySeconds) \(Self.expireSeconds) \(Self.negativeSeconds)"
        var text = "\(domain.absolute) \(ttlSeconds) IN SOA \(first.absolute) "
        text += domain.isRoot ? ". 1 \(times)\n" : "hostmaster.\(domain.absolute) 1 \(times)\n"
        for server in nameServers { text += "\(domain.absolute) \(ttlSeconds) IN NS \(server.absolute)\n" }
        for record in records {
            text += "\(record.owner.absolute) \(record.ttlSeconds) IN \(record.data.type.rawValue) "
            text += record.data.presentation
            text += "\n"
        }
        return text
    }
}

extension RecordData {
    /// As it stands in a zone file.
    package var presentation: String {
        switch self {
        case .a(let address): address.description
        case .aaaa(let address): address.description
        case .cname(let name), .ns(let name), .ptr(let name): name.absolute
        case .mx(let preference, let name): "\(preference) \(name.absolute)"
        case .srv(let priority, let weight, let port, let name): "\(priority) \(weight) \(port) \(name.absolute)"
        case .caa(let flags, let tag, let value): "\(flags) \(tag) \(Self.quoted(value.utf8))"
        case .txt(let text):
            // Strings of at most 255 octets (RFC 1035 section 3.3).
            text.isEmpty ? "\"\"" : Self.pieces(Array(text.utf8)).map(Self.quoted).joined(separator: " ")
        }
    }

    private static func pieces(_ octets: [UInt8]) -> [ArraySlice<UInt8>] {
        stride(from: 0, to: octets.count, by: 255).map { octets[$0..<min($0 + 255, octets.count)] }
    }

    /// Between quotes; what is not plain is written as its number (RFC 1035 section 5.1).
    private static func quoted(_ octets: some Sequence<UInt8>) -> String {
        var text = "\""
        for octet in octets {
            if (0x20...0x7e).contains(octet), octet != UInt8(ascii: "\""), octet != UInt8(ascii: "\\") {
                text.unicodeScalars.append(Unicode.Scalar(octet))
            } else {
                let digits = String(octet)
                text += "\\" + String(repeating: "0", count: 3 - digits.utf8.count) + digits
            }
        }
        return text + "\""
    }
}
