import DaemonConfigs
import Glibc

/// How one kind of daemon is run: its binary, its words, its signals.
struct DaemonRecipe {
    let binary: String
    /// Parses the configuration and ends with 0 when it is good.
    let check: (_ configuration: String) -> [String]
    /// Runs in the foreground, logs to standard error, writes its process id to the file when it is up.
    let run: (_ configuration: String, _ pidFile: String) -> [String]
    /// Takes a new configuration without interrupting the service.
    let reload: Int32
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
            reload = SIGHUP
            withdraw = SIGTERM
        }
    }
}
