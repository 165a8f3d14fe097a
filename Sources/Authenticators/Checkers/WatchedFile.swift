import Glibc
import Persistence
import Synchronization

/// Why a checker cannot be made, or cannot answer: with the place where it is to be mended.
package struct CheckerFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ path: String, line: Int? = nil, _ rule: String) {
        description = "\(path)\(line.map { ", line \($0)" } ?? ""): \(rule)"
    }
}

/// What a file says, read again when it has changed (another inode, size or time).
final class WatchedFile<Content: Sendable>: Sendable {
    private struct Mark: Equatable {
        var inode: UInt64
        var size: Int
        var seconds: Int
        var nanoseconds: Int
    }

    let path: String
    private let report: @Sendable (CheckerFailure) -> Void
    private let parse: @Sendable ([UInt8]) throws(CheckerFailure) -> Content
    private let last = Mutex<(mark: Mark, content: Content)?>(nil)

    /// - Parameter report: is told why the file could not be read by a request, whose client is not.
    init(
        _ path: String, _ report: @escaping @Sendable (CheckerFailure) -> Void,
        _ parse: @escaping @Sendable ([UInt8]) throws(CheckerFailure) -> Content
    ) {
        self.path = path
        self.report = report
        self.parse = parse
    }

    /// For a request: what is wrong goes to the operator, not to the client.
    func checked() throws(StoreError) -> Content {
        do throws(CheckerFailure) { return try content() } catch {
            report(error)
            throw StoreError(.unavailable, operation: "check", cause: "a file of credentials cannot be read")
        }
    }

    /// - Throws: when it cannot be read, or does not say what it must.
    func content() throws(CheckerFailure) -> Content {
        var status = stat()
        guard stat(path, &status) == 0 else { throw CheckerFailure(path, String(cString: strerror(errno))) }
        let mark = Mark(
            inode: UInt64(status.st_ino), size: Int(status.st_size), seconds: status.st_mtim.tv_sec,
            nanoseconds: status.st_mtim.tv_nsec)
        if let known = last.withLock({ $0?.mark == mark ? $0?.content : nil }) { return known }
        let content = try parse(try SmallFile.read(path))
        last.withLock { $0 = (mark, content) }
        return content
    }
}

/// A file of at most 1 MiB.
enum SmallFile {
    static func read(_ path: String) throws(CheckerFailure) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw CheckerFailure(path, String(cString: strerror(errno))) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(file, &buffer, buffer.count)
            guard count >= 0 else { throw CheckerFailure(path, String(cString: strerror(errno))) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= 1 << 20 else { throw CheckerFailure(path, "must be at most 1 MiB") }
        }
    }
}
