import CLinux
import ComputePorts
import Glibc
import Resources

/// A descriptor that is closed with the last that holds it.
final class OpenFile: Sendable {
    let descriptor: Int32
    init(_ descriptor: Int32) { self.descriptor = descriptor }
    deinit { close(descriptor) }
}

/// A lock that is let go with the last that holds it.
final class FileLock: Sendable {
    private let file: OpenFile
    init(_ file: OpenFile) { self.file = file }
    deinit { clinux_unlock(file.descriptor) }
}

/// Locks of one byte each in a file beside the images. They belong to the open file, not to the process (`F_OFD_SETLK`),
/// so that two tasks exclude each other as two machines do, and the kernel takes them back when their holder dies.
extension ImageFolder {
    private static let file = ".locks"

    /// nil when somebody else has it.
    func lock(_ image: ResourceID) throws(ImageStoreError) -> FileLock? {
        // 62 bits of an id that is random: two that share a byte would only wait for each other.
        let place = image.description.utf8.reduce(into: UInt64(14_695_981_039_346_656_037)) { hash, byte in
            hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211
        }
        return try lock(at: Int64(place >> 2) + 1, wait: false)
    }

    /// What the sizes of all images together depend on; waits for whoever has it.
    func lockAll() throws(ImageStoreError) -> FileLock? { try lock(at: 0, wait: true) }

    private func lock(at place: Int64, wait: Bool) throws(ImageStoreError) -> FileLock? {
        let descriptor = openat(handle.descriptor, Self.file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure("lock", "the directory") }
        let file = OpenFile(descriptor)
        while clinux_lock_byte(descriptor, place, wait ? 1 : 0) != 0 {
            if errno == EINTR { continue }
            guard !wait, errno == EAGAIN || errno == EACCES else { throw Self.failure("lock", "the directory") }
            return nil
        }
        return FileLock(file)
    }
}
