import Commands
import Crypto
import Glibc

/// A file that is not whole yet: it has its name only when it is.
final class PartialFile {
    let path: String
    private let part: String
    private let descriptor: Int32
    private(set) var size: UInt64

    /// Begins it, or goes on with what is there.
    init(_ path: String) throws {
        self.path = path
        part = path + ".part"
        descriptor = open(part, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Complaint(.usage, "cannot write \(part): \(LocalFile.Failure.system)") }
        guard let state = LocalFile.state(descriptor) else {
            close(descriptor)
            throw Complaint(.usage, "\(part) is no regular file")
        }
        size = state.size
    }

    deinit { close(descriptor) }

    func append(_ bytes: [UInt8]) throws {
        guard Terminal.writeAll(descriptor, bytes) else {
            throw Complaint(
                .failure, "cannot write \(part): \(LocalFile.Failure.system)",
                next: "make room; the same command again goes on where it stopped")
        }
        size += UInt64(bytes.count)
    }

    func sha256() throws -> String {
        var hash = SHA256()
        var offset: off_t = 0
        var buffer = [UInt8](repeating: 0, count: 4 << 20)
        while true {
            let count = pread(descriptor, &buffer, buffer.count, offset)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Complaint(.failure, "cannot read \(part): \(LocalFile.Failure.system)") }
            if count == 0 { break }
            hash.update(data: buffer[..<count])
            offset += off_t(count)
        }
        return hash.finalize().map { byte in String(byte >> 4, radix: 16) + String(byte & 15, radix: 16) }.joined()
    }

    /// Gives it its name, unless somebody else has that by now.
    func finish() throws {
        guard fsync(descriptor) == 0, link(part, path) == 0 else {
            throw Complaint(.failure, "cannot make \(path): \(LocalFile.Failure.system)")
        }
        unlink(part)
    }

    func remove() { unlink(part) }
}
