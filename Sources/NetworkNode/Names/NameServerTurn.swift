import APIClient
import Addressing
import DaemonConfigs
import Logging
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources

/// What the name server was given, and the turn that brings it closer to what is wanted. Owned by one task.
struct NameServerTurn {
    struct Wanted: Equatable, Sendable {
        var names: DesiredNames
        /// At which it is asked how it is.
        var address: IPv6Address
        var serviceAddress: IPv6Address?
    }

    private let server: any NameServer
    private let daemons: any DaemonSupervisor
    private let logger: Logger

    /// Whether nothing of a name server is on the host; not known at first.
    private var isGone = false
    /// What its files say.
    private var given = DesiredNames()
    private var signers: [DomainName: (key: SigningKey, delegation: String)] = [:]
    private var configuration: String?
    /// Zones that it serves, whose files are newer than what it has read.
    private var unread: Set<DomainName> = []
    private var answers: [ResourceID: NameServerAnswer] = [:]
    private var silences = 0
    private var starts = 0
    private var turns = 0
    private var said: [ResourceID: Report] = [:]

    /// Turns without an answer until it is started anew: more than it takes to load its zones.
    private static let patience = 4
    /// Every so many turns everything is looked at again, whatever nobody said.
    private static let comparison = 5
    /// Of a daemon's words in a report, in characters.
    private static let longestTrouble = 600

    init(server: any NameServer, daemons: any DaemonSupervisor, logger: Logger) {
        self.server = server
        self.daemons = daemons
        self.logger = logger
    }

    /// - Returns: the reports that differ from those before.
    mutating func take(_ wanted: Wanted) async -> [ResourceReport] {
        turns += 1
        guard !wanted.names.zones.isEmpty else { return await leave() }
        isGone = false
        var troubles: [ResourceID: String] = [:]
        await giveKeys(wanted, &troubles)
        await giveFiles(wanted, &troubles)
        await giveConfiguration(wanted, &troubles)
        await tellOfFiles(&troubles)
        await ask(wanted)
        return news(reports(wanted, troubles))
    }

    // MARK: What it is given

    private mutating func giveKeys(_ wanted: Wanted, _ troubles: inout [ResourceID: String]) async {
        for zone in wanted.names.zones.values.sorted(by: { $0.id < $1.id }) {
            guard let key = zone.signingKey, signers[zone.domain]?.key != key else { continue }
            do throws(NodeError) {
                let delegation = try await server.install(key, of: zone.domain)
                if signers[zone.domain] != nil, configuration != nil { unread.insert(zone.domain) }
                signers[zone.domain] = (key, delegation)
            } catch {
                troubles[zone.id] = "its key cannot be installed: \(error)"
            }
        }
    }

    private mutating func giveFiles(_ wanted: Wanted, _ troubles: inout [ResourceID: String]) async {
        let gone = Set(given.zones.keys).subtracting(wanted.names.zones.keys)
        for (id, zone) in wanted.names.zones.sorted(by: { $0.key < $1.key }) where troubles[id] == nil {
            let records = wanted.names.records[id] ?? [:]
            guard given.zones[id] != zone || given.records[id] ?? [:] != records else { continue }
            do throws(NodeError) {
                try await server.write(NameServerPlan.file(zone, records), of: id)
                if given.zones[id] != nil { unread.insert(zone.domain) }
                given.zones[id] = zone
                given.records[id] = wanted.names.records[id]
            } catch {
                troubles[id] = "its file cannot be written: \(error)"
            }
        }
        for id in gone {
            given.zones[id] = nil
            given.records[id] = nil
        }
    }

    private mutating func giveConfiguration(_ wanted: Wanted, _ troubles: inout [ResourceID: String]) async {
        let zones = wanted.names.zones.values.filter { given.zones[$0.id] != nil }
        guard !zones.isEmpty else { return }
        do throws(NodeError) {
            let (keys, problems) = try await server.transferKeys()
            let places = server.places
            let (new, lacking) = NameServerPlan.configuration(
                Array(zones),
                NameServerPlan.Surroundings(
                    addresses: [wanted.address] + (wanted.serviceAddress.map { [$0] } ?? []), run: places.run,
                    storage: places.storage, pidFile: places.pidFile,
                    keys: keys))
            troubles.merge(lacking) { first, _ in first }
            for problem in problems where new.text != configuration {
                logger.warning("a TSIG key cannot be used", metadata: ["reason": "\(problem)"])
            }
            let isNew = new.text != configuration
            guard isNew || turns % Self.comparison == 0 || silences > 0 else { return }
            // One that an earlier agent left has read what that one wrote.
            let present = await daemons.observe()[DaemonInstance.nameServer]
            var wasRunning = present?.isRunning ?? false
            if let present, wasRunning,
                KnotConfiguration.places(of: present.configuration) != KnotConfiguration.places(of: new.text)
            {
                try await daemons.stop(instance: DaemonInstance.nameServer, withdraw: false)
                wasRunning = false
                unread = []
            }
            try await daemons.ensure(
                DaemonSpec(
                    program: .knot, instance: DaemonInstance.nameServer, namespace: nil, configuration: new.text))
            guard isNew else { return }
            let isFirst = configuration == nil
            configuration = new.text
            answers = [:]
            // A start reads all files.
            if isFirst { unread = wasRunning ? Set(zones.map(\.domain)) : [] }
            try await server.keep(
                Set(zones.map(\.id)), keysOf: Set(zones.filter { $0.signingKey != nil }.map(\.domain)))
            signers = signers.filter { domain, _ in zones.contains { $0.domain == domain } }
        } catch {
            for zone in zones where troubles[zone.id] == nil { troubles[zone.id] = "\(error)" }
        }
    }

    private mutating func tellOfFiles(_ troubles: inout [ResourceID: String]) async {
        let domains = unread.filter { domain in given.zones.values.contains { $0.domain == domain } }
        guard configuration != nil, !domains.isEmpty else { return }
        do throws(NodeError) {
            try await server.reload(domains.sorted())
            unread = []
            for zone in given.zones.values where domains.contains(zone.domain) { answers[zone.id] = nil }
        } catch {
            for zone in given.zones.values where domains.contains(zone.domain) && troubles[zone.id] == nil {
                troubles[zone.id] = "the name server does not take its new contents: \(error)"
            }
        }
    }

    // MARK: How it is

    private mutating func ask(_ wanted: Wanted) async {
        let isComparing = turns % Self.comparison == 0
        let zones = given.zones.values.sorted { $0.domain < $1.domain }
        for (number, zone) in zones.enumerated() {
            if number > 0, !isComparing, case .serial? = answers[zone.id] { continue }
            let answer = await server.ask(wanted.address, of: zone.domain)
            answers[zone.id] = answer
            // Nobody is there for the others either.
            if answer == .silent {
                for other in zones { answers[other.id] = .silent }
                break
            }
        }
        guard let first = zones.first, configuration != nil else { return }
        silences = answers[first.id] == .silent ? silences + 1 : 0
        guard silences >= Self.patience else { return }
        silences = 0
        starts += 1
        logger.warning("the name server does not answer and is started anew")
        do throws(NodeError) {
            try await daemons.stop(instance: DaemonInstance.nameServer, withdraw: false)
        } catch {
            logger.error("the name server cannot be stopped", metadata: ["reason": "\(error)"])
        }
        configuration = nil
    }

    private func reports(_ wanted: Wanted, _ troubles: [ResourceID: String]) -> [ResourceID: Report] {
        wanted.names.zones.mapValues { zone in
            var report = Report(phase: .wired, generation: zone.generation)
            // Its first words say what is wrong.
            let trouble = troubles[zone.id].map { String($0.prefix(Self.longestTrouble)) }
            let reason = trouble.map { " (\($0))" } ?? ""
            var problem = trouble
            switch answers[zone.id] {
            case .serial(let serial)?: report.details["serial"] = "\(serial)"
            case .silent?:
                problem =
                    "nothing answers at \(wanted.address) port 53; the name server is started anew "
                    + "(\(starts) times so far); see the agent's log\(reason)"
            case .other(let rcode)?:
                problem =
                    "what answers at \(wanted.address) port 53 does not serve the zone (RCODE \(rcode)): "
                    + "either another program has the port (`ss -lnup 'sport = :53'`), or the zone cannot be loaded "
                    + "(the agent's log says why)\(reason)"
            case nil:
                report.phase = .pending
                report.message = "waits for its name server"
            }
            if let problem {
                report.phase = .failed
                report.message = problem
            }
            report.details["recordSets"] = "\(wanted.names.records[zone.id]?.count ?? 0)"
            if zone.signingKey != nil { report.details["ds"] = signers[zone.domain]?.delegation }
            return report
        }
    }

    private mutating func news(_ reports: [ResourceID: Report]) -> [ResourceReport] {
        var news: [ResourceReport] = []
        for (id, report) in reports.sorted(by: { $0.key < $1.key }) where said[id] != report {
            news.append(ResourceReport(ReportSubject(Zone.kind, id), report))
        }
        for id in said.keys.sorted() where reports[id] == nil {
            news.append(ResourceReport(ReportSubject(Zone.kind, id), nil))
        }
        said = reports
        return news
    }

    /// The host serves no names (any more): the daemon goes, and all that it kept, its keys too.
    private mutating func leave() async -> [ResourceReport] {
        guard !isGone else { return [] }
        do throws(NodeError) {
            try await daemons.stop(instance: DaemonInstance.nameServer, withdraw: true)
            try await server.keep([], keysOf: [])
            isGone = true
            given = DesiredNames()
            signers = [:]
            configuration = nil
            unread = []
            answers = [:]
        } catch {
            logger.error("the name server cannot be taken away", metadata: ["reason": "\(error)"])
        }
        return news([:])
    }
}
