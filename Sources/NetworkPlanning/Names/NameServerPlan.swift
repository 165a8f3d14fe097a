package import Addressing
package import DaemonConfigs
package import NetworkModel
package import Resources

/// What a host's name server is given to serve what is desired. Pure.
package enum NameServerPlan {
    /// What it needs to know of its host.
    package struct Surroundings: Hashable, Sendable {
        /// Where it answers.
        package var addresses: [IPv6Address]
        package var run: ConfigurationPath
        package var storage: ConfigurationPath
        package var pidFile: ConfigurationPath
        /// The TSIG keys on the host.
        package var keys: [Name: TransferSecret]

        package init(
            addresses: [IPv6Address], run: ConfigurationPath, storage: ConfigurationPath, pidFile: ConfigurationPath,
            keys: [Name: TransferSecret]
        ) {
            self.addresses = addresses
            self.run = run
            self.storage = storage
            self.pidFile = pidFile
            self.keys = keys
        }
    }

    /// The configuration, and of which zones something cannot be done: a secondary whose key is not on the host gets
    /// nothing, rather than the zone without a key.
    package static func configuration(_ zones: [DesiredZone], _ surroundings: Surroundings) -> (
        KnotConfiguration, problems: [ResourceID: String]
    ) {
        var problems: [ResourceID: String] = [:]
        var used: Set<Name> = []
        var served: [KnotConfiguration.Zone] = []
        for zone in zones.sorted(by: { $0.domain < $1.domain }) {
            guard let file = ConfigurationPath("\(surroundings.storage)/zones/\(zone.id).zone") else {
                problems[zone.id] = "the path of its file is too long"
                continue
            }
            var secondaries: [KnotConfiguration.Secondary] = []
            for secondary in zone.secondaries {
                guard let key = secondary.key else {
                    secondaries.append(KnotConfiguration.Secondary(address: secondary.address))
                    continue
                }
                guard surroundings.keys[key] != nil else {
                    problems[zone.id] =
                        "secondary \(secondary.address) gets no transfer: the TSIG key '\(key)' is not on this host; "
                        + "put its secret (base64) into \(surroundings.storage)/tsig/\(key).key"
                    continue
                }
                used.insert(key)
                secondaries.append(KnotConfiguration.Secondary(address: secondary.address, key: keyName(key)))
            }
            served.append(
                KnotConfiguration.Zone(
                    domain: zone.domain, file: file, isSigned: zone.signingKey != nil, secondaries: secondaries))
        }
        let keys = used.sorted().compactMap { name in
            surroundings.keys[name].map { KnotConfiguration.TransferKey(name: keyName(name), secret: $0) }
        }
        return (
            KnotConfiguration(
                addresses: surroundings.addresses, zones: served, keys: keys, runDirectory: surroundings.run,
                storage: surroundings.storage, pidFile: surroundings.pidFile,
                isIncremental: zones.allSatisfy { $0.servers == 1 }), problems
        )
    }

    private static func keyName(_ name: Name) -> DomainName {
        // A name is one label of letters, digits and '-'.
        do { return try DomainName(parsing: name.text) } catch { preconditionFailure("\(error)") }
    }

    /// The whole contents of a zone, in no order: putting thousands of names in order would take longer than all else,
    /// and a server does not ask for it.
    package static func file(_ zone: DesiredZone, _ sets: [RecordSetKey: RecordSet]) -> ZoneFile {
        ZoneFile(
            domain: zone.domain, ttlSeconds: zone.ttl.seconds, nameServers: zone.nameServers,
            records: sets.values.flatMap { set in
                set.data.map { ZoneFile.Record(owner: set.key.owner, ttlSeconds: set.ttl.seconds, data: $0) }
            })
    }
}
