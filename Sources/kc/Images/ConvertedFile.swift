import Commands
import Glibc
import ImageConversion
import ImageFormats

/// A copy of an image in another format, made by `qemu-img` on this machine; its files are gone with this value.
///
/// As on hosts: our own inspection first, then qemu-img as nobody, without a network, under limits, with the formats said.
final class ConvertedFile {
    let file: ImageFile
    private let folder: String

    /// - Throws: `Complaint`.
    init(_ source: ImageFile, to wanted: ImageInspection.Format) async throws {
        let format = source.format
        let byHand = "`qemu-img convert -f \(format.rawValue) -O \(wanted.rawValue) \(source.path) OUT`, and upload OUT"
        guard geteuid() == 0 else {
            throw Complaint(.usage, "--convert lets qemu-img work as nobody, and only root can do so", next: byHand)
        }
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/var/tmp"
        var template = Array("\(parent)/kc-convert-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Complaint(.failure, "cannot make a folder in \(parent): \(LocalFile.Failure.system)", next: byHand)
        }
        folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        let path = folder + "/result"
        do {
            // nobody passes through it to the file that it may open.
            guard chmod(folder, 0o711) == 0 else { throw LocalFile.Failure.system }
            try await Self.convert(source, to: wanted, in: folder, path)
            file = try ImageFile(path, format: wanted, shown: source.path)
        } catch {
            Self.remove(folder)
            if error is Complaint || error is CancellationError { throw error }
            throw Complaint(.failure, "\(source.path) cannot be converted: \(error)", next: byHand)
        }
    }

    deinit { Self.remove(folder) }

    private static func convert(
        _ source: ImageFile, to wanted: ImageInspection.Format, in folder: String, _ path: String
    ) async throws {
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw LocalFile.Failure.system }
        defer { close(descriptor) }
        let converter = try QEMUConverter(folder: folder + "/work", largestDisk: max(1, source.virtualSize))
        try await converter.convert(
            source.format, size: source.size, to: wanted,
            read: { try source.read(at: $0, count: $1) },
            begin: { guard ftruncate(descriptor, off_t($0)) == 0 else { throw LocalFile.Failure.system } },
            write: { bytes, offset in
                var written = 0
                while written < bytes.count {
                    let count = bytes[written...].withUnsafeBytes {
                        pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset) + off_t(written))
                    }
                    if count < 0, errno == EINTR { continue }
                    guard count > 0 else { throw LocalFile.Failure.system }
                    written += count
                }
            })
    }

    private static func remove(_ folder: String) {
        unlink(folder + "/result")
        rmdir(folder + "/work")
        rmdir(folder)
    }
}
