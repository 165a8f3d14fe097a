import ComputePlanning
import ComputePorts
import Glibc
import LinuxProcesses

/// The files of a seed in a folder of their own, for the program that packs them; gone afterwards.
enum SeedSource {
    static func with(
        _ seed: NoCloudSeed, in folder: String, _ body: (String) throws(DiskStoreError) -> Void
    ) throws(DiskStoreError) {
        var template = Array("\(folder)/seed-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw DiskFolder.failure("make a folder in", folder) }
        let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer {
            for file in seed.files { unlink("\(path)/\(file.name)") }
            rmdir(path)
        }
        for file in seed.files { try write(file.bytes, to: "\(path)/\(file.name)") }
        guard chown(path, LimitedProgram.nobody, LimitedProgram.nobody) == 0 else {
            throw DiskFolder.failure("give away", path)
        }
        try body(path)
    }

    private static func write(_ bytes: [UInt8], to path: String) throws(DiskStoreError) {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o444)
        guard file >= 0 else { throw DiskFolder.failure("create", path) }
        defer { close(file) }
        var offset = 0
        while offset < bytes.count {
            let count = bytes[offset...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw DiskFolder.failure("write", path) }
            offset += count
        }
    }
}
