import Glibc
import Synchronization

/// What the service manager that started this process is told of it, as in sd_notify(3): one datagram of NAME=VALUE lines
/// to the socket that `NOTIFY_SOCKET` names. Without that variable nobody is told anything.
///
/// Telling never waits and never fails: a manager that does not listen is no reason to end.
package final class ServiceManager: Sendable {
    /// How often the manager wants to hear that the process is alive; nil: it does not. Half of what it would wait
    /// (`WATCHDOG_USEC`, sd_watchdog_enabled(3)).
    package let pulse: Duration?
    private let address: sockaddr_un
    private let length: socklen_t
    private let descriptor: Int32
    private let told = Mutex(Told())

    private struct Told {
        var isReady = false
        var lastPulse: ContinuousClock.Instant?
    }

    /// nil where no manager asks to be told, or by an address that is none of sd_notify's.
    package init?(environment: (String) -> String? = { name in getenv(name).map { String(cString: $0) } }) {
        guard let path = environment("NOTIFY_SOCKET"), path.hasPrefix("/") || path.hasPrefix("@") else { return nil }
        var bytes = Array(path.utf8)
        // Of the abstract namespace (unix(7)).
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        self.address = address
        length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        descriptor = socket(
            AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        pulse = Self.pulse(environment)
    }

    deinit { close(descriptor) }

    private static func pulse(_ environment: (String) -> String?) -> Duration? {
        guard let microseconds = environment("WATCHDOG_USEC").flatMap({ Int64($0) }), microseconds > 0 else {
            return nil
        }
        if let process = environment("WATCHDOG_PID"), process != "\(getpid())" { return nil }
        return .microseconds(max(1, microseconds / 2))
    }

    /// The process does what it is for; what is ordered after it may start. Said once.
    package func ready() {
        let isFirst = told.withLock { told in
            defer { told.isReady = true }
            return !told.isReady
        }
        if isFirst { say("READY=1") }
    }

    /// The process is alive, as the part of it that says so knows. May be called as often as one likes.
    package func alive() {
        guard let pulse else { return }
        let now = ContinuousClock.now
        let isDue = told.withLock { told in
            if let last = told.lastPulse, last + pulse / 2 > now { return false }
            told.lastPulse = now
            return true
        }
        if isDue { say("WATCHDOG=1") }
    }

    /// The process ends because it was told to.
    package func stopping() { say("STOPPING=1") }

    private func say(_ text: String) {
        let bytes = Array(text.utf8)
        var address = address
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                // A manager that is gone or has no room is not waited for.
                _ = sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, length)
            }
        }
    }
}
