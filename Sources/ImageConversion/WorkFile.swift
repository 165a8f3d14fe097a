import Glibc
import LinuxProcesses
import NodePorts

/// A file that is gone with this value.
final class WorkFile: Sendable {
    let path: String
    private let file: Int32

    init(in folder: String) throws(ConversionFailure) {
        path = "\(folder)/\(UInt64.random(in: 0...UInt64.max)).part"
        file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw ConversionFailure(operation: "create \(path)", errno) }
    }

    deinit {
        close(file)
        unlink(path)
    }

    func give(to user: UInt32) throws(NodeError) {
        guard fchown(file, user, user) == 0 else {
            throw NodeError(.errno(errno), operation: "give away", subject: path)
        }
    }

    /// Blocks of zeros stay holes.
    func write(_ bytes: [UInt8], at offset: UInt64) throws(ConversionFailure) {
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + 65536)
            let isEmpty = bytes[start..<end].withUnsafeBytes { $0.allSatisfy { $0 == 0 } }
            if isEmpty {
                // The last one says how long the file is.
                guard end < bytes.count || ftruncate(file, off_t(offset) + off_t(end)) == 0 else {
                    throw ConversionFailure(operation: "write \(path)", errno)
                }
                start = end
                continue
            }
            let count = bytes[start..<end].withUnsafeBytes {
                pwrite(file, $0.baseAddress, $0.count, off_t(offset) + off_t(start))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw ConversionFailure(operation: "write \(path)", errno) }
            start += count
        }
    }

    func read(at offset: UInt64, count: Int) throws(ConversionFailure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                pread(file, buffer.baseAddress?.advanced(by: done), count - done, off_t(offset) + off_t(done))
            }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { throw ConversionFailure(operation: "read \(path)", got == 0 ? EIO : errno) }
            done += got
        }
        return bytes
    }

    func size() throws(ConversionFailure) -> UInt64 {
        var status = stat()
        guard fstat(file, &status) == 0 else { throw ConversionFailure(operation: "look at \(path)", errno) }
        return UInt64(status.st_size)
    }

    /// The next bytes that are no hole; nil when there are none.
    func data(from offset: UInt64, until end: UInt64) throws(ConversionFailure) -> Range<UInt64>? {
        guard offset < end else { return nil }
        // SEEK_DATA and SEEK_HOLE of lseek(2).
        let start = lseek(file, off_t(offset), 3)
        guard start >= 0 else {
            guard errno != ENXIO else { return nil }
            throw ConversionFailure(operation: "look for data in \(path)", errno)
        }
        let hole = lseek(file, start, 4)
        guard hole > start else { throw ConversionFailure(operation: "look for holes in \(path)", errno) }
        return UInt64(start)..<min(UInt64(hole), end)
    }
}
