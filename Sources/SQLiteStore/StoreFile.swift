import FoundationEssentials
import Glibc
import Persistence

/// The file itself, below SQLite: making it, looking at its header, flushing it.
enum StoreFile {
    /// SQLite's header: 16 bytes of magic, the application id (big endian) at 68.
    private static let magic = Array("SQLite format 3\0".utf8)
    private static let headerLength = 100
    private static let applicationOffset = 68

    /// Makes the file when there is none, readable by its owner alone (SQLite gives its other files the same mode), and
    /// refuses one that is not a store before SQLite could change anything in it. Only for a file that nobody in this
    /// process has open: closing a descriptor takes away all POSIX locks that the process has on the file, SQLite's too.
    static func prepare(_ path: String, operation: String) throws(StoreError) {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(path, operation) }
        defer { Glibc.close(descriptor) }
        var header = [UInt8](repeating: 0, count: headerLength)
        let count = pread(descriptor, &header, header.count, 0)
        guard count >= 0 else { throw failure(path, operation) }
        if count == 0 { return try flushFolder(of: path, operation: operation) }
        guard count == headerLength, Array(header.prefix(magic.count)) == magic else {
            throw StoreError(
                .corrupt, operation: operation, cause: StoreError.restoreAdvice("\(path) has no SQLite header"))
        }
        let application = header[applicationOffset..<applicationOffset + 4].reduce(Int64(0)) { $0 << 8 | Int64($1) }
        // The first version of a new store may still be in the log alone.
        guard application == Schema.applicationID || exists(path + "-wal") else {
            throw StoreError(
                .unavailable, operation: operation, cause: "\(path) is an SQLite database, but no store: not touched")
        }
    }

    /// - Throws: `.unavailable` when there is no file.
    static func require(_ path: String, operation: String) throws(StoreError) {
        guard exists(path) else { throw failure(path, operation) }
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Makes a new empty file of mode 0600.
    static func create(_ path: String, operation: String) throws(StoreError) {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(path, operation) }
        Glibc.close(descriptor)
    }

    /// Removes a file if it is there. That it could not be is told by whatever then wants to make it.
    static func remove(_ path: String) { unlink(path) }

    static func rename(_ from: String, _ to: String, operation: String) throws(StoreError) {
        guard Glibc.rename(from, to) == 0 else { throw failure(to, operation) }
    }

    /// Gives a file a second name, which must be free.
    static func link(_ from: String, _ to: String, operation: String) throws(StoreError) {
        guard Glibc.link(from, to) == 0 else { throw failure(to, operation) }
    }

    /// Flushes a file that was written by others.
    static func flush(_ path: String, operation: String) throws(StoreError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path, operation) }
        defer { Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(path, operation) }
    }

    /// Flushes the folder of `path`, so that a new or renamed file is found after a power cut.
    static func flushFolder(of path: String, operation: String) throws(StoreError) {
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        try flush(folder, operation: operation)
    }

    static func failure(_ path: String, _ operation: String) -> StoreError {
        let code = errno
        return StoreError(
            code == ENOSPC || code == EDQUOT ? .full : .unavailable, operation: operation,
            cause: "\(path): \(String(cString: strerror(code)))")
    }
}
