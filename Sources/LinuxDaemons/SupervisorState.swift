import DaemonConfigs
import FoundationEssentials
import Glibc
import LinuxProcesses
import NetworkModel
import NetworkPlanning
import NodePorts

/// What the supervisor's thread owns: all instances.
final class SupervisorState: ThreadState {
    private let root: String
    private let binaries: [DaemonSpec.Program: String]
    private let log: @Sendable (_ instance: String, _ line: String) -> Void
    private let changed: @Sendable () -> Void
    private var instances: [String: SupervisedDaemon] = [:]
    private var nextCheck = ContinuousClock.now

    private static let checkInterval = Duration.seconds(2)

    /// Makes the run directory and takes up what an earlier agent left in it.
    init(
        root: String, binaries: [DaemonSpec.Program: String],
        log: @escaping @Sendable (_ instance: String, _ line: String) -> Void, changed: @escaping @Sendable () -> Void
    ) throws(NodeError) {
        self.root = root
        self.binaries = binaries
        self.log = log
        self.changed = changed
        try makeDirectories(root)
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: root)
        } catch {
            throw NodeError(.program, operation: "list", subject: root, message: "\(error)")
        }
        for name in names where Self.isInstanceName(name) {
            let directory = DaemonDirectory(root: root, instance: name)
            guard let record = directory.readRecord(), let program = DaemonSpec.Program(rawValue: record.program) else {
                continue  // never started: nothing runs, and a start will write its files anew
            }
            instances[name] = try instance(
                DaemonSpec(
                    program: program, instance: name, namespace: record.namespace,
                    configuration: directory.readConfiguration() ?? ""))
        }
    }

    // MARK: Verbs

    func observe() -> [String: ObservedDaemon] {
        instances.mapValues {
            ObservedDaemon(
                isRunning: $0.isServing, configuration: $0.spec.configuration, restarts: $0.restarts,
                problem: $0.isServing || $0.spec.program == .guestProxy ? $0.problem : $0.lastWords)
        }
    }

    func ensure(_ spec: DaemonSpec) throws(NodeError) {
        guard Self.isInstanceName(spec.instance) else {
            throw NodeError(
                .program, operation: "run", subject: spec.instance,
                message: "the name of an instance is 1 to 64 lower-case letters, digits and '-'")
        }
        if let known = instances[spec.instance],
            known.spec.program != spec.program || known.spec.namespace != spec.namespace
        {
            // It goes on elsewhere or as something else; those it served are served by what comes now.
            try known.stop(withdraw: false)
            instances[spec.instance] = nil
        }
        let instance: SupervisedDaemon
        if let known = instances[spec.instance] { instance = known } else { instance = try self.instance(spec) }
        do throws(NodeError) {
            try instance.ensure(spec.configuration)
        } catch {
            // Once it has an accepted configuration it is tried again; before, there is nothing to keep.
            if instance.hasConfiguration {
                instances[spec.instance] = instance
            } else {
                try instance.stop(withdraw: false)
            }
            throw error
        }
        instances[spec.instance] = instance
    }

    func leases(of name: String) throws(NodeError) -> [Lease] {
        guard let instance = instances[name], [.keaDHCP6, .keaDHCP4].contains(instance.spec.program) else {
            return []
        }
        return try instance.control.leases(ipv4: instance.spec.program == .keaDHCP4, within: .seconds(5))
    }

    func stop(_ name: String, withdraw: Bool) throws(NodeError) {
        guard Self.isInstanceName(name) else { return }  // nothing can run by that name
        if let instance = instances[name] {
            try instance.stop(withdraw: withdraw)
            instances[name] = nil
        } else {
            try DaemonDirectory(root: root, instance: name).remove()
        }
    }

    // MARK: ThreadState

    var watched: [Int32] {
        instances.values.flatMap { [$0.log.descriptor] + ($0.process.map { [$0.descriptor] } ?? []) }
    }

    func isReady(_ descriptor: Int32) {
        for instance in instances.values {
            if instance.log.descriptor == descriptor { instance.log.read() }
            if instance.process?.descriptor == descriptor {
                instance.ended()
                changed()
            }
        }
    }

    var deadline: ContinuousClock.Instant? {
        instances.isEmpty ? nil : instances.values.compactMap(\.nextStart).reduce(nextCheck, min)
    }

    func deadlineIsOver() {
        for instance in instances.values where instance.nextStart != nil {
            instance.startIfDue()
            if instance.process != nil { changed() }
        }
        guard nextCheck <= .now else { return }
        for instance in instances.values {
            let problem = instance.problem
            instance.checkHealth()
            if instance.problem != problem { changed() }
        }
        nextCheck = .now + Self.checkInterval
    }

    // MARK: Parts

    private func instance(_ spec: DaemonSpec) throws(NodeError) -> SupervisedDaemon {
        let (log, name) = (log, spec.instance)
        return try SupervisedDaemon(
            spec, recipe: DaemonRecipe(spec.program, binary: binaries[spec.program]),
            directory: DaemonDirectory(root: root, instance: name, program: spec.program)
        ) { log(name, $0) }
    }

    /// Safe as a file name and on a command line.
    private static func isInstanceName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count) && name.utf8.first != UInt8(ascii: "-")
            && name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "-") }
    }

    private func makeDirectories(_ path: String) throws(NodeError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw NodeError(.program, operation: "make directory", subject: path, message: "\(error)")
        }
    }
}
