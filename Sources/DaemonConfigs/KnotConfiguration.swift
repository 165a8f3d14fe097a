package import Addressing

/// knot.conf(5) of a host with the role `dns`: an authoritative server that signs its zones itself and lets secondaries
/// copy them.
///
/// Only typed values reach the text. The zones' contents are in files that the server reads again when it is told to;
/// the differences it finds go into its journal, for incremental transfers.
package struct KnotConfiguration: Hashable, Sendable {
    package struct Zone: Hashable, Sendable {
        package var domain: DomainName
        package var file: ConfigurationPath
        package var isSigned: Bool
        package var secondaries: [Secondary]

        package init(domain: DomainName, file: ConfigurationPath, isSigned: Bool, secondaries: [Secondary] = []) {
            self.domain = domain
            self.file = file
            self.isSigned = isSigned
            self.secondaries = secondaries
        }
    }

    package struct Secondary: Hashable, Sendable {
        package var address: IPv6Address
        /// One of `keys`; nil: by address alone.
        package var key: DomainName?

        package init(address: IPv6Address, key: DomainName? = nil) {
            self.address = address
            self.key = key
        }
    }

    /// A TSIG key (RFC 8945) with hmac-sha256.
    package struct TransferKey: Hashable, Sendable {
        package var name: DomainName
        package var secret: TransferSecret

        package init(name: DomainName, secret: TransferSecret) {
            self.name = name
            self.secret = secret
        }
    }

    package var addresses: [IPv6Address]
    package var zones: [Zone]
    package var keys: [TransferKey]
    /// For the sockets, which do not outlive a boot.
    package var runDirectory: ConfigurationPath
    /// For keys and journals, which do.
    package var storage: ConfigurationPath
    package var pidFile: ConfigurationPath
    /// Whether secondaries may take differences (IXFR).
    package var isIncremental: Bool

    package init(
        addresses: [IPv6Address], zones: [Zone], keys: [TransferKey] = [], runDirectory: ConfigurationPath,
        storage: ConfigurationPath, pidFile: ConfigurationPath, isIncremental: Bool = true
    ) {
        self.addresses = addresses
        self.zones = zones
        self.keys = keys
        self.runDirectory = runDirectory
        self.storage = storage
        self.pidFile = pidFile
        self.isIncremental = isIncremental
    }

    package static func controlSocket(in runDirectory: ConfigurationPath) -> String {
        runDirectory.file("knot.sock")
    }

    /// Where a text made here has the server listen: what it takes a new process to change (knot.conf(5)).
    package static func places(of text: String) -> [Substring] {
        text.split(separator: "\n").filter { $0.hasPrefix("    listen: \"") && $0.hasSuffix("@53\"") }
    }

    /// The whole file; equal values give equal text.
    package var text: String {
        var lines = [
            "server:", "    rundir: \"\(runDirectory)\"", "    pidfile: \"\(pidFile)\"", "    version: \"\"",
            "    identity: \"\"", "    udp-workers: 2", "    tcp-workers: 2", "    background-workers: 2",
        ]
        for address in addresses { lines.append("    listen: \"\(address)@53\"") }
        lines += ["control:", "    listen: \"\(Self.controlSocket(in: runDirectory))\""]
        lines += ["log:", "  - target: stderr", "    any: warning"]
        lines += ["database:", "    storage: \"\(storage)\"", "    journal-db-max-size: 200M"]
        if !keys.isEmpty { lines.append("key:") }
        for key in keys {
            lines += [
                "  - id: \"\(key.name.absolute)\"", "    algorithm: hmac-sha256",
                "    secret: \"\(key.secret.base64)\"",
            ]
        }
        lines += transferLines
        // Keys are KC's and are never rolled here: every host that serves a zone must have the same. What is not there is
        // denied by hashes (RFC 5155), or whoever asks long enough reads all names of a zone; without salt, as RFC 9276
        // section 3.1 has it, hosts deny in the same words.
        lines += [
            "policy:", "  - id: kc", "    algorithm: ecdsap256sha256", "    single-type-signing: on", "    manual: on",
            "    nsec3: on", "    nsec3-iterations: 0", "    nsec3-salt-length: 0",
        ]
        lines += [
            "template:", "  - id: default", "    storage: \"\(storage)\"", "    zonefile-sync: -1",
            "    zonefile-load: difference-no-serial", "    journal-content: all", "    serial-policy: unixtime",
            "    provide-ixfr: \(isIncremental ? "on" : "off")",
        ]
        if !zones.isEmpty { lines.append("zone:") }
        for (number, zone) in zones.enumerated() {
            lines += ["  - domain: \"\(zone.domain.absolute)\"", "    file: \"\(zone.file)\""]
            if zone.isSigned { lines += ["    dnssec-signing: on", "    dnssec-policy: kc"] }
            if !zone.secondaries.isEmpty {
                let numbers = zone.secondaries.indices
                lines.append("    notify: [ \(numbers.map { "s\(number)-\($0)" }.joined(separator: ", ")) ]")
                lines.append("    acl: [ \(numbers.map { "a\(number)-\($0)" }.joined(separator: ", ")) ]")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private var transferLines: [String] {
        var remotes: [String] = []
        var rights: [String] = []
        for (number, zone) in zones.enumerated() {
            for (index, secondary) in zone.secondaries.enumerated() {
                let key = secondary.key.map { ["    key: \"\($0.absolute)\""] } ?? []
                remotes += ["  - id: s\(number)-\(index)", "    address: \"\(secondary.address)@53\""] + key
                rights += ["  - id: a\(number)-\(index)", "    address: \"\(secondary.address)\""] + key
                rights.append("    action: transfer")
            }
        }
        return remotes.isEmpty ? [] : ["remote:"] + remotes + ["acl:"] + rights
    }
}

/// The secret of a TSIG key. Never shown.
package struct TransferSecret: Hashable, Sendable, CustomStringConvertible {
    package let base64: String

    /// nil unless it is base64 (RFC 4648 section 4) of 16 to 64 octets.
    package init?(base64 text: String) {
        let body = text.utf8.prefix { $0 != UInt8(ascii: "=") }
        guard text.utf8.count % 4 == 0, text.utf8.count - body.count <= 2,
            text.utf8.dropFirst(body.count).allSatisfy({ $0 == UInt8(ascii: "=") }),
            (16...64).contains(body.count * 3 / 4), body.allSatisfy(Self.isBase64)
        else { return nil }
        base64 = text
    }

    package var description: String { "(secret)" }

    private static func isBase64(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
            true
        default: false
        }
    }
}
