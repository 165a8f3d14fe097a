import DaemonConfigs
import Glibc
import LinuxProcesses

/// How one kind of daemon is run: its binary, its words, its signals.
struct DaemonRecipe {
    /// How a running one takes a new configuration.
    enum Reload {
        /// It reads its file again, and says nothing of it.
        case signal(Int32)
        /// It is asked to on its control socket, and answers.
        case keaCommand
        /// The same with a line.
        case proxyCommand
    }

    let binary: String
    /// Parses the configuration and ends with 0 when it is good.
    let check: (_ configuration: String) -> [String]
    /// What checks a configuration, where that is not the daemon itself.
    var checker: String?
    /// Whether it must be checked in its own namespace, because it looks for the interfaces.
    var checksInside = false
    /// Runs in the foreground, logs to standard error, writes its process id to the file when it is up.
    let run: (_ configuration: String, _ pidFile: String) -> [String]
    /// Set in its environment, from its directory. With any, it also runs in that directory.
    var environment: (_ directory: String) -> [String] = { _ in [] }
    /// In its directory.
    var pidFile = "pid"
    /// Takes a new configuration without interrupting the service.
    let reload: Reload
    /// The signal that it must have a handler for before it is up.
    let readySignal: Int32
    /// Tells those it serves that it goes, and ends.
    let withdraw: Int32

    init(_ program: DaemonSpec.Program, binary: String? = nil) {
        switch program {
        case .radvd:
            self.binary = binary ?? "/usr/sbin/radvd"
            check = { ["-c", "-C", $0, "-m", "stderr_clean"] }
            // No -u: radvd's own user may not exist, and its privileged half stays root in any case.
            run = { ["-n", "-C", $0, "-p", $1, "-m", "stderr_clean"] }
            // SIGHUP reads the file again and keeps guests' default routes. SIGTERM sends router lifetime 0.
            reload = .signal(SIGHUP)
            readySignal = SIGHUP
            withdraw = SIGTERM
        case .keaDHCP6, .keaDHCP4:
            self.binary = binary ?? "/usr/sbin/\(program.rawValue)"
            check = { ["-t", $0] }
            checksInside = true
            run = { configuration, _ in ["-c", configuration] }
            // Kea's own places are one set for the whole machine.
            environment = { ["KEA_PIDFILE_DIR=\($0)", "KEA_LOCKFILE_DIR=\($0)", "KEA_LOGGER_DESTINATION=stderr"] }
            pidFile = "configuration.\(program.rawValue).pid"
            reload = .keaCommand
            readySignal = SIGHUP
            withdraw = SIGTERM
        case .knot:
            self.binary = binary ?? "/usr/sbin/knotd"
            checker = "/usr/sbin/knotc"
            check = { ["-c", $0, "conf-check"] }
            // Its pid file is named in its configuration.
            run = { configuration, _ in ["-c", configuration] }
            reload = .signal(SIGHUP)
            readySignal = SIGHUP
            withdraw = SIGTERM
        case .unbound:
            self.binary = binary ?? "/usr/sbin/unbound"
            checker = "/usr/sbin/unbound-checkconf"
            check = { [$0] }
            run = { configuration, _ in ["-d", "-c", configuration] }
            // It writes its pid file where it runs.
            environment = { ["HOME=\($0)"] }
            reload = .signal(SIGHUP)
            readySignal = SIGHUP
            withdraw = SIGTERM
        case .tayga:
            self.binary = binary ?? "/usr/sbin/tayga"
            // It has no checker: what it does not take ends it at its start.
            checker = "/usr/bin/true"
            check = { [$0] }
            // "Debug" is its word for the foreground; it says no more than its settings.
            run = { ["-d", "-c", $0, "-p", $1] }
            // It reads its file once: whoever changes it stops it before.
            reload = .signal(SIGTERM)
            readySignal = SIGTERM
            withdraw = SIGTERM
        case .guestProxy:
            self.binary = binary ?? besideProgram("kc-proxy")
            check = { ["-t", $0] }
            run = { ["-c", $0, "-p", $1] }
            reload = .proxyCommand
            readySignal = SIGHUP
            withdraw = SIGTERM
        }
    }

    /// The program to start and its words: the binary itself, or env(1), which becomes the binary.
    func command(_ words: [String], in directory: String, by other: String? = nil) -> (
        program: String, words: [String]
    ) {
        let binary = other ?? binary
        let environment = environment(directory)
        guard !environment.isEmpty else { return (binary, words) }
        return ("/usr/bin/env", ["-C", directory] + environment + [binary] + words)
    }
}
