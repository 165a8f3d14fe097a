import Glibc

/// Keeps a second agent off the host: an flock(2) on a file of the run folder, held while the value lives.
///
/// The kernel lets go of it when the process ends in whatever way, so that it is never stale.
package struct InstanceLock: ~Copyable {
    private let file: Int32

    package enum Failure: Error, CustomStringConvertible {
        case held(path: String, pid: Int32?)
        case file(FileError)

        package var description: String {
            switch self {
            case .held(let path, let pid):
                "another node agent runs on this host (\(pid.map { "pid \($0)" } ?? "pid unknown"), lock \(path)); "
                    + "stop it first, or give this one its own --run-dir and --state-dir in namespaces of its own"
            case .file(let error): error.description
            }
        }
    }

    /// - Throws: `held` with the holder's pid, when another process has it.
    package init(path: String) throws(Failure) {
        // From here on the value is whole, and ends, with its descriptor, also when this throws.
        file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw .file(FileError("open", path)) }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            let holder = Self.holder(in: file)
            guard code == EWOULDBLOCK else { throw .file(FileError("lock", path, code: code)) }
            throw .held(path: path, pid: holder)
        }
        let text = Array("\(getpid())\n".utf8)
        guard ftruncate(file, 0) == 0, pwrite(file, text, text.count, 0) == text.count else {
            throw .file(FileError("write", path))
        }
    }

    deinit {
        guard file >= 0 else { return }
        // Said, and not only closed: a child that another thread is just starting has the descriptor as well, until it
        // executes its program.
        flock(file, LOCK_UN)
        close(file)
    }

    private static func holder(in file: Int32) -> Int32? {
        var buffer = [UInt8](repeating: 0, count: 16)
        let count = pread(file, &buffer, buffer.count, 0)
        guard count > 0 else { return nil }
        return Int32(String(decoding: buffer[..<count].prefix { (48...57).contains($0) }, as: UTF8.self))
    }
}
