import CLinux
import DaemonConfigs
import Glibc
import LinuxProcesses
import NetworkModel
import NodePorts

/// One instance: its files, its process, and when it may be started again.
final class SupervisedDaemon {
    private(set) var spec: DaemonSpec
    private(set) var process: DaemonProcess?
    /// How often it ended unasked.
    private(set) var restarts = 0
    /// When a start is due; nil while it runs.
    private(set) var nextStart: ContinuousClock.Instant?
    let log: DaemonLog

    /// The text that its checker took last; nil before the first.
    private var accepted: String?
    /// What keeps it from serving all that it shall, at the last look.
    var problem: String?
    /// Questions in a row that it did not answer.
    var silences = 0
    /// The devices it was last told to serve, by their indices: one that is made again has another.
    var devices: [UInt32] = []
    /// Clients that it refused although something is kept for them.
    var refused: Set<String> = []

    let recipe: DaemonRecipe
    let directory: DaemonDirectory
    /// Ends in a row, each soon after a start.
    private var failures = 0
    private var startedAt = ContinuousClock.now

    /// Doubling from the first to the last, so that a daemon that cannot run costs nothing and one that fell once is
    /// back before a guest notices.
    private static let firstDelay = Duration.milliseconds(100)
    private static let longestDelay = Duration.seconds(30)
    /// Having run so long, it counts as sound again.
    private static let soundAfter = Duration.seconds(60)
    /// From the start to the daemon's own pid file and signal handler.
    private static let startLimit = Duration.seconds(5)
    /// From the signal to the end: radvd first sends its last advertisements.
    private static let stopLimit = Duration.seconds(3)
    /// From the command to the answer: thousands of reservations take a third of a second.
    private static let reloadLimit = Duration.seconds(10)

    /// Makes the files of a new instance, or takes up those that an earlier agent left, with the process if it runs.
    init(
        _ spec: DaemonSpec, recipe: DaemonRecipe, directory: DaemonDirectory, each: @escaping (String) -> Void
    ) throws(NodeError) {
        self.spec = spec
        self.recipe = recipe
        self.directory = directory
        try directory.make()
        log = try DaemonLog(fifo: directory.log, each: each)
        if spec.program == .keaDHCP6 { log.notice = { [weak self] in self?.noteRefusal($0) } }
        accepted = directory.readConfiguration()
        adopt()
    }

    // MARK: Verbs

    /// Takes over the configuration, if its checker takes it, and has the daemon run with it.
    func ensure(_ configuration: String) throws(NodeError) {
        let former = directory.readConfiguration()
        let isNew = configuration != former
        if spec.program == .guestProxy,
            GuestProxyConfiguration.services(of: configuration) != GuestProxyConfiguration.services(of: former ?? "")
        {
            problem = GuestProxyConfiguration.unsettled
        }
        if isNew {
            try directory.writeCandidate(configuration)
            try check(directory.candidate)
            try directory.accept(reloading: process != nil)
            spec.configuration = configuration
        }
        accepted = configuration
        if process != nil {
            if isNew { try reload() }
            return
        }
        // A new configuration may be the cure; with the same one the pause goes on.
        if !isNew, let nextStart, nextStart > .now {
            throw failure("waits for its next start; it ended \(restarts) times: \(words)")
        }
        try start()
    }

    /// - Parameter withdraw: whether those it serves are told.
    func stop(withdraw: Bool) throws(NodeError) {
        nextStart = nil
        if let process {
            process.send(withdraw ? recipe.withdraw : SIGKILL)
            process.send(SIGCONT)  // a stopped process takes no other signal
            if !process.hasEnded(within: Self.stopLimit) {
                process.send(SIGKILL)
                // The kernel is ending it; a process in uninterruptible sleep cannot be waited for for ever.
                guard process.hasEnded(within: Self.stopLimit) else { throw failure("does not end") }
            }
            _ = process.reap()
            self.process = nil
        }
        try directory.remove()
    }

    /// The process has ended, unasked.
    func ended() {
        guard let process, process.hasEnded() else { return }
        log.read()
        let end = process.reap().map(\.description) ?? "ended"
        self.process = nil
        restarts += 1
        problem = nil
        silences = 0
        if startedAt.duration(to: .now) >= Self.soundAfter { failures = 0 }
        pause()
        log.add("process \(process.pid) \(end)")
    }

    /// Starts it when that is due.
    func startIfDue() {
        guard process == nil, let nextStart, nextStart <= .now else { return }
        do throws(NodeError) {
            try start()
        } catch {
            log.add(error.description, isKept: false)
        }
    }

    /// Kills a process that is there but serves nothing; its end is then like any other.
    func checkHealth() {
        guard let process, !process.hasEnded() else { return }
        let reason: String
        if process.isStopped {
            reason = "is stopped"
        } else if let namespace = spec.namespace, !ProcessStatus.isIn(namespace, process.pid) {
            // Someone deleted the namespace and made it again: the daemon holds on to the old one.
            reason = "is in a namespace that is gone"
        } else if let silence = ask() {
            reason = silence
        } else {
            return
        }
        log.add("process \(process.pid) \(reason) and serves nothing: killed")
        process.send(SIGKILL)
    }

    /// Whether a configuration was ever accepted for it.
    var hasConfiguration: Bool { directory.readConfiguration() != nil }

    var isServing: Bool { process.map { !$0.isStopped && !$0.hasEnded() } ?? false }

    // MARK: Parts

    private func adopt() {
        let record = directory.readRecord()
        // The record names the process we started; the daemon's own file also one that was started just before an
        // agent died. Either is believed only when the process itself shows that it is this daemon.
        for pid in [record?.pid, directory.readPID()].compactMap({ $0 }) {
            guard let found = try? DaemonProcess(pid),  // gone: the next candidate
                ProcessStatus.isRunning(pid, recipe.binary, recipe.run(directory.configuration, directory.pidFile)),
                record?.pid != pid || record?.startTime == found.startTime, !found.hasEnded()
            else { continue }
            process = found
            nextStart = nil
            // A failure shows again as a question without an answer.
            if directory.isReloading { try? reload() }
            return
        }
        if directory.readConfiguration() != nil { nextStart = .now }  // it ended while nobody watched
    }

    private func start() throws(NodeError) {
        do throws(NodeError) {
            try startNow()
        } catch {
            pause()
            throw error
        }
    }

    /// Whoever spoilt the file or took it away keeps a daemon neither from starting nor from what it shall do.
    private func restoreConfiguration() throws(NodeError) {
        guard let accepted, directory.readConfiguration() != accepted else { return }
        log.add("its configuration is not what was accepted: written anew")
        try directory.writeCandidate(accepted)
        try directory.accept(reloading: directory.isReloading)
    }

    private func startNow() throws(NodeError) {
        try restoreConfiguration()
        directory.removePIDFile()
        let pid = try spawn()
        let child: DaemonProcess
        do throws(NodeError) {
            child = try DaemonProcess(pid)
            try directory.write(
                DaemonDirectory.Record(
                    program: spec.program.rawValue, namespace: spec.namespace, pid: pid, startTime: child.startTime))
        } catch {
            kill(pid, SIGKILL)
            _ = ChildProcess.wait(pid)
            throw error
        }
        startedAt = .now
        // A reload that came before its handler is there would end it.
        while directory.readPID() != pid || !ProcessStatus.catches(recipe.readySignal, pid) {
            let isLate = startedAt.duration(to: .now) > Self.startLimit
            if isLate { child.send(SIGKILL) }
            guard !child.hasEnded(within: .milliseconds(isLate ? 1000 : 5)) else {
                log.read()
                let end = child.reap().map(\.description) ?? "ended"
                throw failure("\(end): \(words)")
            }
        }
        process = child
        nextStart = nil
        devices = presentDevices()
        directory.reloadIsDone()
    }

    private func spawn() throws(NodeError) -> ProcessID {
        let output = try FileDescriptor.open(directory.log, O_RDWR | O_NONBLOCK)
        return try inside { () throws(NodeError) -> ProcessID in try spawn(output: output) }
    }

    /// Does something in the daemon's namespace.
    func inside<Value>(_ body: () throws(NodeError) -> Value) throws(NodeError) -> Value {
        guard let text = spec.namespace else { return try body() }
        let home = try FileDescriptor.open("/proc/thread-self/ns/net", O_RDONLY)
        guard let namespace = NamespaceName(text) else { throw failure("'\(text)' is not the name of a namespace") }
        try enterNamespace(namespace)
        let result = Result { () throws(NodeError) -> Value in try body() }
        try enterNamespace(home, name: "of the agent")
        return try result.get()
    }

    private func spawn(output: borrowing FileDescriptor) throws(NodeError) -> ProcessID {
        let (program, words) = recipe.command(
            recipe.run(directory.configuration, directory.pidFile), in: directory.path)
        return try ChildProcess.spawn(program, words, output: output.raw, error: output.raw, newSession: true)
    }

    private func check(_ file: String) throws(NodeError) {
        let (program, words) = recipe.command(recipe.check(file), in: directory.path, by: recipe.checker)
        func run() throws(NodeError) -> (ProcessEnd, output: String) {
            try ChildProcess.run(program, words, within: .seconds(10))
        }
        let (end, output) = recipe.checksInside ? try inside(run) : try run()
        guard end == .exited(0) else {
            throw NodeError(
                .program, operation: "check configuration", subject: spec.instance,
                message: "\(end): \(String(output.suffix(1000)))")
        }
    }

    func reload() throws(NodeError) {
        guard let process else { return }
        try restoreConfiguration()
        // Only one taken up in its first moments may not have its handler yet.
        let limit = ContinuousClock.now + Self.startLimit
        while !ProcessStatus.catches(recipe.readySignal, process.pid), !process.hasEnded(within: .milliseconds(5)),
            limit > .now
        {}
        switch recipe.reload {
        case .signal(let signal): process.send(signal)
        case .keaCommand:
            devices = presentDevices()
            try control.reload(within: Self.reloadLimit)
        case .proxyCommand: try proxyControl.reload(within: Self.reloadLimit)
        }
        directory.reloadIsDone()
    }

    private func pause() {
        nextStart = .now + min(Self.firstDelay * (1 << min(failures, 16)), Self.longestDelay)
        failures += 1
    }

    var proxyControl: ProxyControl { ProxyControl(directory: directory.path, instance: spec.instance) }

    var control: KeaControl { KeaControl(directory: directory.path, instance: spec.instance) }

    private var words: String { log.lastLines.joined(separator: "; ") }

    /// What it said last of why it does not run; nil when it said nothing. The same each time that it fails the same way.
    var lastWords: String? {
        let complaints = log.lastLines.filter { $0.contains(/error|fatal|cannot|can't|failed/.ignoresCase()) }
        let words = complaints.suffix(2).map { $0.replacing(/^(\[\d+\] )?\w+\[\d+(:\d+)?\]:? */, with: "") }
        return words.isEmpty ? nil : words.joined(separator: "; ")
    }

    private func failure(_ message: String) -> NodeError {
        NodeError(.program, operation: "run", subject: spec.instance, message: message)
    }
}
