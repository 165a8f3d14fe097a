package import Glibc

/// Small state files that a reader sees whole: the old content or the new one, never a part, also after power loss.
///
/// The calls block for the disk; callers run them on a queue of their own, never on the cooperative pool.
package enum AtomicFile {
    /// Writes a temporary file beside `path`, makes it durable, renames it over `path`, and makes the rename durable.
    /// - Throws: with the failing call's errno; `path` is then as it was.
    package static func write(_ bytes: [UInt8], to path: String, mode: mode_t, durable: Bool = true) throws(FileError) {
        let temporary = "\(path).\(getpid()).tmp"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)
        guard file >= 0 else { throw FileError("create", temporary) }
        do {
            try fill(file, bytes, path: temporary, mode: mode, durable: durable)
        } catch {
            close(file)
            unlink(temporary)
            throw error
        }
        close(file)
        guard rename(temporary, path) == 0 else {
            let error = FileError("rename to", path)
            unlink(temporary)
            throw error
        }
        if durable { try syncFolder(of: path) }
    }

    /// The content; nil when there is no such file.
    /// - Throws: when it cannot be read, is no regular file, or is longer than `limit` bytes (EFBIG).
    package static func read(_ path: String, limit: Int) throws(FileError) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw FileError("open", path)
        }
        defer { close(file) }
        // Not fstat: whose the structure is depends on which modules a build has loaded, and a release has CoreFoundation.
        // A folder cannot be read, a pipe or socket has no end.
        let end = Glibc.read(file, nil, 0) == 0 ? lseek(file, 0, SEEK_END) : -1
        guard end >= 0, lseek(file, 0, SEEK_SET) == 0 else { throw FileError("read", path, code: EINVAL) }
        guard end <= limit else { throw FileError("read", path, code: EFBIG) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(file, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileError("read", path) }
            if count == 0 { return bytes }
            guard bytes.count + count <= limit else { throw FileError("read", path, code: EFBIG) }
            bytes.append(contentsOf: buffer[..<count])
        }
    }

    /// Makes the folder and those above it that are missing, with `mode`.
    package static func makeFolder(_ path: String, mode: mode_t) throws(FileError) {
        var partial = ""
        for part in path.split(separator: "/", omittingEmptySubsequences: false) {
            partial += part.isEmpty ? "/" : (partial.isEmpty || partial.hasSuffix("/") ? part : "/" + part)
            guard !part.isEmpty else { continue }
            guard mkdir(partial, mode) == 0 || errno == EEXIST else { throw FileError("make folder", partial) }
        }
    }

    private static func fill(_ file: Int32, _ bytes: [UInt8], path: String, mode: mode_t, durable: Bool)
        throws(FileError)
    {
        // The umask may have taken bits away, and an old temporary file keeps its own mode.
        guard fchmod(file, mode) == 0 else { throw FileError("set the mode of", path) }
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress! + offset, bytes.count - offset) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileError("write", path) }
            offset += count
        }
        if durable { guard fsync(file) == 0 else { throw FileError("sync", path) } }
    }

    private static func syncFolder(of path: String) throws(FileError) {
        let end = path.lastIndex(of: "/") ?? path.startIndex
        let folder = end == path.startIndex ? "/" : String(path[..<end])
        let file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard file >= 0 else { throw FileError("open", folder) }
        defer { close(file) }
        guard fsync(file) == 0 else { throw FileError("sync", folder) }
    }
}

/// A failed call on a file.
package struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was tried: "create".
    package let operation: String
    package let path: String
    package let code: Int32

    /// - Parameter code: the errno; the default is the thread's current one.
    package init(_ operation: String, _ path: String, code: Int32 = errno) {
        self.operation = operation
        self.path = path
        self.code = code
    }

    package var description: String { "cannot \(operation) \(path): \(String(cString: strerror(code)))" }
}
