package import Glibc

/// Files of this machine, with sizes bounded and errors in the system's words. Commands are one task each and have
/// nothing else to do meanwhile, so that reading may block.
package enum LocalFile {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
        init(_ description: String) { self.description = description }
        /// The error that the last system call left.
        package static var system: Failure { Failure(String(cString: strerror(errno))) }
    }

    /// - Parameter path: "-" is standard input.
    package static func read(_ path: String, maximum: Int) throws(Failure) -> String {
        let descriptor = path == "-" ? dup(0) : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .system
            }
            if count == 0 { break }
            bytes += buffer[..<count]
            guard bytes.count <= maximum else { throw Failure("it is larger than \(maximum) bytes") }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Failure("it is not UTF-8") }
        return text
    }

    /// nil when there is nothing at the path, or nothing that may be seen.
    package static func status(_ path: String) -> stat? {
        var status = stat()
        return stat(path, &status) == 0 ? status : nil
    }

    package static func isDirectory(_ path: String) -> Bool {
        status(path).map { $0.st_mode & S_IFMT == S_IFDIR } ?? false
    }

    /// What shows that a file was written to.
    package struct State: Hashable, Sendable {
        /// In bytes.
        package let size: UInt64
        private let seconds: Int
        private let nanoseconds: Int

        fileprivate init(_ status: stat) {
            size = UInt64(max(0, status.st_size))
            seconds = status.st_mtim.tv_sec
            nanoseconds = status.st_mtim.tv_nsec
        }
    }

    /// Of a file that is open; nil of what is no regular one.
    package static func state(_ descriptor: Int32) -> State? {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return State(status)
    }

    /// The kind (S_IFMT) of what is at the path, of a link itself; nil when there is nothing.
    package static func kind(_ path: String) -> mode_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
    }

    /// The names in a directory, sorted.
    package static func names(in path: String) throws(Failure) -> [String] {
        guard let directory = opendir(path) else { throw .system }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Makes a new file that only its owner can read; refuses to overwrite one.
    package static func create(_ path: String, _ bytes: [UInt8]) throws(Failure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system }
        defer { close(descriptor) }
        guard Terminal.writeAll(descriptor, bytes) else { throw .system }
    }
}
