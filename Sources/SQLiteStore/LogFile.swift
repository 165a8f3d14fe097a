import Glibc
import Persistence
import Synchronization

/// The write-ahead log, opened beside SQLite to flush it.
///
/// SQLite can flush only inside of a commit, so that a group would be news after its flush alone. Flushed from here, it is
/// news at once and answered after the flush. What is flushed is the file, whoever wrote it: SQLite never puts another
/// one in its place while a connection is open, and has made its entry in the folder durable when it wrote the header.
final class LogFile: Sendable {
    private let path: String
    /// Opened by the first flush: the log is made by the first write.
    private let descriptor = Mutex<CInt?>(nil)

    /// - Parameter path: of the database.
    init(database path: String) { self.path = path + "-wal" }

    deinit { if let descriptor = descriptor.withLock({ $0 }) { close(descriptor) } }

    /// Returns when all that has been committed is on the disk. Blocks.
    /// - Throws: after which nobody knows what is on the disk, and asking again could be answered wrongly.
    func flush() throws(StoreError) {
        let code = descriptor.withLock { descriptor in
            if descriptor == nil {
                let opened = open(path, O_RDONLY | O_CLOEXEC)
                guard opened >= 0 else { return errno }
                descriptor = opened
            }
            guard let descriptor else { return EBADF }
            while fdatasync(descriptor) != 0 { if errno != EINTR { return errno } }
            return 0
        }
        guard code == 0 else {
            throw StoreError(
                .unavailable, operation: "commit",
                cause: "the log could not be flushed: \(String(cString: strerror(code)))")
        }
    }
}
