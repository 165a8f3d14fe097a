import ComputePlanning
import ComputePorts
import Glibc
import LinuxProcesses
import Resources

/// The folder of disks and seeds, and what its names say: `<vm>.<fence>.qcow2`, `<vm>.<digest>.iso`, and `<number>.part`
/// for what is being made. Other names are somebody else's.
struct DiskFolder: Sendable {
    let path: String

    /// - Throws: when it is not there and cannot be made.
    init(path: String) throws(DiskStoreError) {
        self.path = path
        // Others may pass and not look: nobody makes the files, the hypervisor's user opens them.
        guard mkdir(path, 0o711) == 0 || errno == EEXIST else { throw Self.failure("make folder", path) }
        for name in try names() where name.hasSuffix(".part") { unlink("\(path)/\(name)") }
    }

    func names() throws(DiskStoreError) -> [String] {
        guard let stream = opendir(path) else { throw Self.failure("list", path) }
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

    func look() throws(DiskStoreError) -> ObservedFiles {
        var files = ObservedFiles()
        for name in try names() {
            let parts = name.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 3, let vm = ResourceID(parts[0]) else { continue }
            if parts[2] == "qcow2", let fence = UInt64(parts[1]), String(fence) == parts[1] {
                files.disks[vm, default: []].insert(ObservedDisk(fence: fence, sizeGiB: try size(of: name)))
            } else if parts[2] == "iso", parts[1].utf8.count == 16 {
                files.seeds[vm, default: []].insert(String(parts[1]))
            }
        }
        return files
    }

    /// What the guest sees, from the qcow2 header (docs/interop/qcow2.txt in QEMU: bytes 24 to 31, big endian).
    private func size(of name: String) throws(DiskStoreError) -> UInt64 {
        let file = open("\(path)/\(name)", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { throw Self.failure("open", name) }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 8)
        guard pread(file, &bytes, 8, 24) == 8 else { throw Self.failure("read the header of", name) }
        return bytes.reduce(0) { $0 << 8 | UInt64($1) } >> 30
    }

    /// Makes a file by `make`, which writes to the path that it is given and is nobody, and gives it its name when it is
    /// whole and on the disk. On an error nothing is left.
    func make(_ name: String, _ make: (String) throws(DiskStoreError) -> Void) throws(DiskStoreError) {
        // Unique in this process, and one process has the folder.
        let part = "\(path)/\(UInt64.random(in: 0...UInt64.max)).part"
        let file = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw Self.failure("create", name) }
        defer { close(file) }
        do throws(DiskStoreError) {
            guard fchown(file, LimitedProgram.nobody, LimitedProgram.nobody) == 0 else {
                throw Self.failure("give away", name)
            }
            try make(part)
            guard fchown(file, 0, 0) == 0, fsync(file) == 0 else { throw Self.failure("finish", name) }
            guard rename(part, "\(path)/\(name)") == 0 else { throw Self.failure("name", name) }
        } catch {
            unlink(part)
            throw error
        }
        try sync()
    }

    func remove(_ name: String) throws(DiskStoreError) {
        guard unlink("\(path)/\(name)") == 0 || errno == ENOENT else { throw Self.failure("remove", name) }
        try sync()
    }

    private func sync() throws(DiskStoreError) {
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw Self.failure("open", path) }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw Self.failure("sync", path) }
    }

    static func failure(_ operation: String, _ subject: String) -> DiskStoreError {
        let code = errno
        return DiskStoreError(
            code == ENOSPC || code == EDQUOT ? .full : code == ENOENT ? .absent : .failed,
            operation: "\(operation) \(subject)", cause: String(cString: strerror(code)))
    }
}
