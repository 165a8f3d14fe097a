import Glibc
import Resources

/// The processes that live inside machines, known by the mark on the mounts they see: also those that a killed daemon
/// left, or an engineer's shell.
struct MachineProcesses {
    /// The start of every marker of the laboratory's machines, or one machine's whole.
    let prefix: String

    init(token: String) { prefix = " kclab-\(token)-" }

    init(token: String, machine: Name) { prefix = " \(Machine.marker(machine, token: token)) " }

    func running() -> [ProcessIdentity] {
        ProcessIdentity.all().filter { process in
            guard process.pid != getpid(), let mounts = procText("/proc/\(process.pid)/mountinfo") else { return false }
            return mounts.contains(prefix) && process.isRunning
        }
    }

    /// Ends all: asks, waits `grace`, then kills. Nothing else on the machine is signalled.
    func end(grace: Duration) async throws(LaboratoryError) {
        for process in running() { process.signal(SIGTERM) }
        do {
            try await eventually("end", "the laboratory's processes", within: grace) { isEmptyAfterReaping() }
        } catch  where error.code == .timeout {
            try await eventually("kill", "the laboratory's processes", within: .seconds(10)) {
                for process in running() { process.signal(SIGKILL) }
                return isEmptyAfterReaping()
            }
        }
    }

    private func isEmptyAfterReaping() -> Bool {
        let processes = running()
        for process in processes { process.reap() }
        return processes.isEmpty
    }
}
