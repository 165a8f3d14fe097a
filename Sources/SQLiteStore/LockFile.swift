import FoundationEssentials
import Glibc
import Persistence
import Synchronization

/// The right to open a store's file, held by one process at a time: an flock(2) on a file beside it, which also names
/// the holder. The kernel lets go of it when the process ends, however it ends.
final class LockFile: Sendable {
    private let descriptor: Mutex<CInt?>

    /// - Throws: `.unavailable`, naming the holder, when another process has it.
    init(path: String, operation: String) throws(StoreError) {
        // Not inherited: a daemon started by this process must not keep the lock after it.
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StoreError(.unavailable, operation: operation, cause: "\(path): \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            var text = [UInt8](repeating: 0, count: 32)
            let count = pread(descriptor, &text, text.count, 0)
            Glibc.close(descriptor)
            guard code == EWOULDBLOCK else {
                throw StoreError(
                    .unavailable, operation: operation, cause: "\(path): \(String(cString: strerror(code)))")
            }
            let holder = String(decoding: text.prefix(max(0, count)), as: UTF8.self).split(separator: "\n").first
            throw StoreError(
                .unavailable, operation: operation,
                cause: "\(path.dropLast(5)) is open in another process, pid \(holder ?? "unknown"): stop that one first"
            )
        }
        let text = Array("\(getpid())\n".utf8)
        // The text is for people; without it the lock holds all the same.
        _ = ftruncate(descriptor, 0)
        _ = pwrite(descriptor, text, text.count, 0)
        self.descriptor = Mutex(descriptor)
    }

    /// Lets go. The file stays: removing it would let two processes lock two different files of one name.
    func release() {
        descriptor.withLock { descriptor in
            guard let open = descriptor.take() else { return }
            // Said, and not only closed: a child that another thread is just starting has the descriptor as well, until it
            // executes its program.
            flock(open, LOCK_UN)
            Glibc.close(open)
        }
    }

    deinit { release() }
}
