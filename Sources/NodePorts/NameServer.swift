package import Addressing
package import DaemonConfigs
package import NetworkModel
package import Resources

/// The authoritative name server of the host: its files and keys, and asking it. That it runs is the supervisor's.
package protocol NameServer: Sendable {
    var places: NameServerPlaces { get }

    /// The TSIG keys that an operator has put on this host, by name; files that hold none are told in `problems`.
    func transferKeys() async throws(NodeError) -> (keys: [Name: TransferSecret], problems: [String])

    /// Has the zone signed with the key from now on, in the place of any other it had. Success when it is so already.
    /// - Returns: the DS record for the zone above (RFC 4034 section 5), digest SHA-256.
    func install(_ key: SigningKey, of domain: DomainName) async throws(NodeError) -> String

    /// Replaces the zone's file as a whole; the server reads it when it is told to.
    func write(_ file: ZoneFile, of zone: ResourceID) async throws(NodeError)

    /// Tells the running server to read the files of these zones again.
    func reload(_ domains: [DomainName]) async throws(NodeError)

    /// Removes the files of all zones but these, and the keys of all domains but those; with none of both everything.
    func keep(_ zones: Set<ResourceID>, keysOf domains: Set<DomainName>) async throws(NodeError)

    /// Asks for the zone's SOA over UDP, as anybody would, and waits half a second.
    func ask(_ address: IPv6Address, of domain: DomainName) async -> NameServerAnswer
}

/// Where the files are.
package struct NameServerPlaces: Hashable, Sendable {
    package var run: ConfigurationPath
    package var storage: ConfigurationPath
    /// Where the supervisor looks for it.
    package var pidFile: ConfigurationPath

    package init(run: ConfigurationPath, storage: ConfigurationPath, pidFile: ConfigurationPath) {
        self.pidFile = pidFile
        self.run = run
        self.storage = storage
    }
}

package enum NameServerAnswer: Hashable, Sendable {
    /// With authority.
    case serial(UInt32)
    /// Something answers, and not as the zone's server: with this RCODE (RFC 1035 section 4.1.1), or without authority.
    case other(rcode: UInt8)
    case silent
}
