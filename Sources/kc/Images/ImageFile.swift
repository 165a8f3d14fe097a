import Commands
import Crypto
import Glibc
import ImageFormats

/// A disk image on this machine that is about to be uploaded: what its first bytes say, how large it is, its SHA-256.
///
/// It is opened once, so that what is counted is what is sent. One that is written to meanwhile is noticed by its time and
/// size, and by the server, which counts what came.
final class ImageFile: Sendable {
    let path: String
    let size: UInt64
    let format: ImageInspection.Format
    /// Of the disk that a guest would see, in bytes.
    let virtualSize: UInt64
    private let descriptor: Int32
    private let state: LocalFile.State

    /// - Parameters:
    ///   - shown: what it is called where that is not its path.
    ///   - followsLink: whether `path` may be a link: not where it is only what a directory happens to hold.
    /// - Throws: `Complaint` for what is no image that may be uploaded, with what to do.
    init(
        _ path: String, format said: ImageInspection.Format?, shown: String? = nil, followsLink: Bool = true
    ) throws {
        self.path = shown ?? path
        // A pipe that nobody writes to would keep us for ever without O_NONBLOCK.
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (followsLink ? 0 : O_NOFOLLOW))
        guard descriptor >= 0 else {
            guard errno != ELOOP || followsLink else {
                throw Complaint(
                    .usage, "\(path) is a link, and none is followed out of a directory",
                    next: "`kc image upload NAME \(path)`, if what it leads to is meant")
            }
            throw Complaint(.usage, "cannot read \(path): \(LocalFile.Failure.system)")
        }
        guard let state = LocalFile.state(descriptor) else {
            close(descriptor)
            throw Complaint(.usage, "\(path) is no regular file")
        }
        self.state = state
        size = state.size
        guard size > 0 else {
            close(descriptor)
            throw Complaint(
                .usage, "\(path) cannot be an image: it is empty",
                next: "look at what should have written it, a download that broke off say, and make it anew")
        }
        do {
            let head = try Self.read(descriptor, path, at: 0, count: ImageInspection.headSize)
            let found = ImageInspection.magic(in: head)
            format = said ?? (found == "qcow2" ? .qcow2 : .raw)
            virtualSize =
                try ImageInspection(head: head, fileSize: size, format: format, limit: 1 << 46).virtualSize
        } catch let refusal as ImageRefusal {
            close(descriptor)
            throw Complaint(
                .usage, "\(path) cannot be an image: \(refusal)",
                next: "`qemu-img convert -f FORMAT -O qcow2 IN OUT` makes a qcow2 image that stands on nothing else")
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit { close(descriptor) }

    /// The least disk that holds it.
    var diskGiB: UInt64 { max(1, (virtualSize + (1 << 30) - 1) >> 30) }

    /// Fewer bytes than asked for only at the end of the file.
    func read(at offset: UInt64, count: Int) throws -> [UInt8] {
        let bytes = try Self.read(descriptor, path, at: offset, count: count)
        guard LocalFile.state(descriptor) == state else {
            throw Complaint(
                .failure, "\(path) was written to while it was read",
                next: "wait until it is whole, delete the image if a part of it was sent, and begin anew")
        }
        return bytes
    }

    /// - Parameter progress: told how many bytes are counted.
    func sha256(_ progress: (UInt64) -> Void) throws -> String {
        var hash = SHA256()
        var offset: UInt64 = 0
        while offset < size {
            let piece = try read(at: offset, count: 4 << 20)
            guard !piece.isEmpty else { throw Complaint(.failure, "\(path) became shorter while it was read") }
            hash.update(data: piece)
            offset += UInt64(piece.count)
            progress(offset)
        }
        return hash.finalize().map { byte in String(byte >> 4, radix: 16) + String(byte & 15, radix: 16) }.joined()
    }

    private static func read(_ descriptor: Int32, _ path: String, at offset: UInt64, count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let start = filled
            let got = bytes.withUnsafeMutableBytes { buffer in
                pread(descriptor, buffer.baseAddress.map { $0 + start }, count - start, off_t(offset) + off_t(start))
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw Complaint(.failure, "cannot read \(path): \(LocalFile.Failure.system)") }
            if got == 0 { break }
            filled += got
        }
        return Array(bytes[..<filled])
    }
}
