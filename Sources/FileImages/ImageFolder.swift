import ComputePorts
import Crypto
import Glibc
import ImageFormats
import Resources

/// The files, by calls that follow no link and leave the directory by no name.
struct ImageFolder: Sendable {
    /// Held for the life of the process' store; closed with the last copy.
    let handle: OpenFile

    init(path: String) throws(ImageStoreError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure("open", path) }
        handle = OpenFile(descriptor)
    }

    private static func name(_ image: StoredImage) -> String {
        image.isReady ? "\(image.id).image" : "\(image.id).\(image.size).part"
    }

    /// What is there, each image once. Files with other names are somebody else's.
    func list() throws(ImageStoreError) -> [StoredImage] {
        let found = try files()
        let ready = Set(found.lazy.filter(\.isReady).map(\.id))
        // One that is being made ready, or was when its process died, has both names.
        return found.filter { $0.isReady || !ready.contains($0.id) }
    }

    /// nil when it is not ready.
    func ready(_ id: ResourceID) throws(ImageStoreError) -> StoredImage? { try image(named: "\(id).image") }

    private func files() throws(ImageStoreError) -> [StoredImage] {
        // A descriptor of its own: reading moves its place.
        let copy = openat(handle.descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0, let stream = fdopendir(copy) else { throw Self.failure("list", "the directory") }
        defer { closedir(stream) }
        var images: [StoredImage] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let image = try image(named: name) { images.append(image) }
        }
        return images
    }

    private func image(named name: String) throws(ImageStoreError) -> StoredImage? {
        let parts = name.split(separator: ".")
        guard let id = parts.first.flatMap({ ResourceID($0) }) else { return nil }
        var status = stat()
        guard fstatat(handle.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_mode & S_IFMT == S_IFREG
        else { return nil }
        let length = UInt64(status.st_size)
        if parts.count == 2, parts[1] == "image" {
            return StoredImage(id: id, size: length, received: length, isReady: true)
        }
        guard parts.count == 3, parts[2] == "part", let size = UInt64(parts[1]), length <= size else { return nil }
        return StoredImage(id: id, size: size, received: length, isReady: false)
    }

    func create(_ image: StoredImage) throws(ImageStoreError) {
        let file = openat(
            handle.descriptor, Self.name(image), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Self.failure("begin", "\(image.id)") }
        close(file)
    }

    /// Writes a piece behind what is there. After an error the file is as long as before.
    func write(_ piece: [UInt8], to image: StoredImage) throws(ImageStoreError) {
        let file = try open(image, O_WRONLY)
        defer { close(file) }
        var written = 0
        while written < piece.count {
            let count = piece.withUnsafeBytes { bytes in
                pwrite(
                    file, bytes.baseAddress?.advanced(by: written), piece.count - written,
                    off_t(image.received) + off_t(written))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let failure = Self.failure("append", "\(image.id)")
                guard ftruncate(file, off_t(image.received)) == 0 else { throw Self.failure("append", "\(image.id)") }
                throw failure
            }
            written += count
        }
    }

    func read(_ image: StoredImage, at offset: UInt64, count: Int) throws(ImageStoreError) -> [UInt8] {
        let file = try open(image, O_RDONLY)
        defer { close(file) }
        return try Self.read(file, at: offset, count: count)
    }

    /// Reads all of it once: its digest must be the expected one, and its head is looked at before any other program sees
    /// the file.
    func inspect(_ image: StoredImage, _ expected: ExpectedImage) throws(ImageStoreError) -> ImageInspection {
        guard image.size == expected.size else {
            throw Self.refusal("it has \(image.size) bytes instead of \(expected.size)")
        }
        let file = try open(image, O_RDONLY)
        defer { close(file) }
        let head = try Self.read(file, at: 0, count: Int(min(UInt64(ImageInspection.headSize), image.size)))
        let inspection: ImageInspection
        do {
            inspection = try ImageInspection(
                head: head, fileSize: image.size, format: expected.format, limit: expected.largestDisk)
        } catch { throw Self.refusal(error.description) }
        let digest = try Self.digest(file, size: image.size)
        guard digest == expected.sha256 else {
            throw Self.refusal("its SHA-256 is \(digest) instead of \(expected.sha256)")
        }
        return inspection
    }

    private static func refusal(_ cause: String) -> ImageStoreError {
        FileImages.error(.refused, "finish", "the image is refused: \(cause)")
    }

    private static func digest(_ file: Int32, size: UInt64) throws(ImageStoreError) -> String {
        var sum = SHA256()
        var offset: UInt64 = 0
        while offset < size {
            let bytes = try read(file, at: offset, count: Int(min(1 << 20, size - offset)))
            sum.update(data: bytes)
            offset += UInt64(bytes.count)
        }
        return sum.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// Makes a begun image the ready one: its bytes on the disk first, then the name, never over another file.
    func publish(_ image: StoredImage) throws(ImageStoreError) {
        var ready = image
        ready.isReady = true
        let file = try open(image, O_WRONLY)
        defer { close(file) }
        guard fsync(file) == 0, fchmod(file, 0o400) == 0 else { throw Self.failure("finish", "\(image.id)") }
        guard linkat(handle.descriptor, Self.name(image), handle.descriptor, Self.name(ready), 0) == 0,
            unlinkat(handle.descriptor, Self.name(image), 0) == 0 || errno == ENOENT, fsync(handle.descriptor) == 0
        else { throw Self.failure("finish", "\(image.id)") }
    }

    /// By all its names: a crash may have left one that was made ready with both.
    func remove(_ image: StoredImage) throws(ImageStoreError) {
        for file in try files() + [image] where file.id == image.id {
            guard unlinkat(handle.descriptor, Self.name(file), 0) == 0 || errno == ENOENT else {
                throw Self.failure("delete", "\(image.id)")
            }
        }
    }

    private func open(_ image: StoredImage, _ flags: Int32) throws(ImageStoreError) -> Int32 {
        let file = openat(handle.descriptor, Self.name(image), flags | O_NOFOLLOW | O_CLOEXEC)
        guard file >= 0 else { throw Self.failure("open", "\(image.id)") }
        return file
    }

    private static func read(_ file: Int32, at offset: UInt64, count: Int) throws(ImageStoreError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                pread(file, buffer.baseAddress?.advanced(by: done), count - done, off_t(offset) + off_t(done))
            }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else {
                if got == 0 { throw FileImages.error(.unavailable, "read", "the file is shorter than it was") }
                throw failure("read", "the file")
            }
            done += got
        }
        return bytes
    }

    /// With the words of `errno`.
    static func failure(_ operation: String, _ subject: String) -> ImageStoreError {
        let number = errno
        let isFull = number == ENOSPC || number == EDQUOT
        return FileImages.error(
            isFull ? .full : .unavailable, operation, "\(subject): \(String(cString: strerror(number)))")
    }
}
