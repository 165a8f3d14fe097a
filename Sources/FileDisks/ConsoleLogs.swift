import ComputePlanning
import ComputePorts
import Glibc
import Resources

/// What VMs write to their consoles, as the hypervisor keeps it: `<vm>.log`, and what it makes of it when it is long.
struct ConsoleLogs: Sendable {
    let path: String

    /// In bytes. libvirt's own keeper of logs turns them at 2 MiB; one without it would never.
    private static let maximum: Int64 = 1 << 20
    /// What is shown to who comes to a console: some screens.
    private static let tail: Int64 = 8192

    /// - Throws: when it is not there and cannot be made.
    init(path: String) throws(DiskStoreError) {
        self.path = path
        guard mkdir(path, 0o711) == 0 || errno == EEXIST else { throw DiskFolder.failure("make folder", path) }
    }

    /// What cannot be read is as if nothing were kept.
    func tail(of vm: ResourceID) -> [UInt8]? { read("\(vm).log", atMost: Self.tail) }

    private func read(_ name: String, atMost count: Int64) -> [UInt8]? {
        let file = open("\(path)/\(name)", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard file >= 0 else { return nil }
        defer { close(file) }
        let size = Int64(lseek(file, 0, SEEK_END))
        guard size > 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(min(size, count)))
        let got = pread(file, &bytes, bytes.count, off_t(size) - off_t(bytes.count))
        return got > 0 ? Array(bytes[..<got]) : nil
    }

    /// Takes away those of VMs that are not here any more, and empties those that are too long; the end of each stays beside
    /// it. The hypervisor adds at the end, wherever that is.
    func bound(of present: Set<ResourceID>) {
        for name in names() {
            guard let vm = name.split(separator: ".").first.flatMap({ ResourceID($0) }) else { continue }
            guard present.contains(vm) else {
                unlink("\(path)/\(name)")
                continue
            }
            if name.hasSuffix(".log") { shorten(name) }
        }
    }

    private func shorten(_ name: String) {
        let full = "\(path)/\(name)"
        var status = stat()
        guard lstat(full, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size > Self.maximum,
            let end = read(name, atMost: Self.maximum / 4)
        else { return }
        let old = open(full + ".old", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if old >= 0 {
            // A log of former times is worth no error.
            _ = write(old, end, end.count)
            close(old)
        }
        truncate(full, 0)
    }

    private func names() -> [String] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            names.append(
                withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                })
        }
        return names
    }
}
