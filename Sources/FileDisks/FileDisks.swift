package import ComputeModel
package import ComputePlanning
package import ComputePorts
import Dispatch
import DomainXML
import Glibc
import LinuxProcesses
package import Resources

/// Layer 5. VMs' disks as qcow2 files over images, and seeds as ISO 9660 files, in one local folder. Must not know what
/// runs them.
///
/// The programs that make them (`qemu-img`, `genisoimage`) run as nobody under limits, and never see an image: the
/// overlay's header is told the image's name and format (`-u`), and the image was inspected when it came.
package final class FileDisks: DiskStore {
    private let folder: DiskFolder
    private let consoles: ConsoleLogs
    private let paths: HostPaths
    /// One thing at a time: what is slow here is the disk.
    private let queue = DispatchQueue(label: "kc.disks")

    /// Opens the folder of disks, which is made when it is missing; its parent must exist. What a crash left half-made
    /// is removed.
    package init(_ paths: HostPaths) throws(DiskStoreError) {
        self.paths = paths
        folder = try DiskFolder(path: paths.disks)
        consoles = try ConsoleLogs(path: paths.consoles)
    }

    package func look() async throws(DiskStoreError) -> ObservedFiles {
        try await run { [consoles] folder throws(DiskStoreError) in
            let files = try folder.look()
            // A VM has a seed as long as it is here.
            consoles.bound(of: Set(files.disks.keys).union(files.seeds.keys))
            return files
        }
    }

    package func capacityGiB() async throws(DiskStoreError) -> UInt64 {
        try await run { folder throws(DiskStoreError) in
            var status = statvfs()
            guard statvfs(folder.path, &status) == 0 else { throw DiskFolder.failure("measure", folder.path) }
            return (UInt64(status.f_blocks) * UInt64(status.f_frsize)) >> 30
        }
    }

    package func makeDisk(
        _ disk: ObservedDisk, of vm: ResourceID, over image: ImageOrder
    ) async throws(DiskStoreError) {
        let (name, base) = ("\(vm).\(disk.fence).qcow2", paths.image(image.id).description)
        try await run { folder throws(DiskStoreError) in
            guard access(base, F_OK) == 0 else { throw DiskFolder.failure("find image", image.id.description) }
            // A second time: the first one may be in use.
            guard access("\(folder.path)/\(name)", F_OK) != 0 else { return }
            try folder.make(name) { part throws(DiskStoreError) in
                try DiskProgram.run(
                    "/usr/bin/qemu-img",
                    [
                        "create", "-q", "-u", "-f", "qcow2", "-F", image.format.rawValue, "-b", base, part,
                        "\(disk.sizeGiB)G",
                    ], writes: 1 << 30, within: .seconds(30))
            }
        }
    }

    package func growDisk(_ disk: ObservedDisk, of vm: ResourceID) async throws(DiskStoreError) {
        let name = "\(vm).\(disk.fence).qcow2"
        try await run { folder throws(DiskStoreError) in
            let path = "\(folder.path)/\(name)"
            var before = stat()
            guard lstat(path, &before) == 0 else { throw DiskFolder.failure("find", name) }
            // qemu-img resize must open the file as who owns it; it stays with nobody only for that time. The chain below
            // is not opened: the file alone says where its tables are.
            guard lchown(path, LimitedProgram.nobody, LimitedProgram.nobody) == 0 else {
                throw DiskFolder.failure("give away", name)
            }
            defer { lchown(path, before.st_uid, before.st_gid) }
            try DiskProgram.run(
                "/usr/bin/qemu-img",
                ["resize", "-q", Self.withoutBacking(path), "\(disk.sizeGiB)G"], writes: UInt64(Int64.max),
                within: .seconds(60))
        }
    }

    /// The file as QEMU takes it when the image below it is not to be opened.
    private static func withoutBacking(_ path: String) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("driver", "qcow2")
            writer.name("file")
            writer.object { writer in
                writer.member("driver", "file")
                writer.member("filename", path)
            }
            writer.name("backing")
            writer.null()
        }
        return "json:" + String(decoding: writer.bytes, as: UTF8.self)
    }

    package func removeDisk(_ disk: ObservedDisk, of vm: ResourceID) async throws(DiskStoreError) {
        let name = "\(vm).\(disk.fence).qcow2"
        try await run { folder throws(DiskStoreError) in try folder.remove(name) }
    }

    package func consoleTail(of vm: ResourceID) async -> [UInt8]? {
        // Reading a file that is there throws nothing.
        (try? await run { [consoles] _ throws(DiskStoreError) in consoles.tail(of: vm) }).flatMap(\.self)
    }

    package func makeSeed(_ seed: NoCloudSeed, of vm: ResourceID) async throws(DiskStoreError) {
        let name = "\(vm).\(seed.digest).iso"
        try await run { folder throws(DiskStoreError) in
            guard access("\(folder.path)/\(name)", F_OK) != 0 else { return }
            try SeedSource.with(seed, in: folder.path) { source throws(DiskStoreError) in
                try folder.make(name) { part throws(DiskStoreError) in
                    // The label by which cloud-init finds it; Joliet and Rock Ridge keep the names as they are.
                    try DiskProgram.run(
                        "/usr/bin/genisoimage",
                        ["-quiet", "-output", part, "-volid", "cidata", "-joliet", "-rock", source],
                        writes: 16 << 20, within: .seconds(30))
                }
            }
        }
    }

    package func removeSeed(_ digest: String, of vm: ResourceID) async throws(DiskStoreError) {
        try await run { folder throws(DiskStoreError) in try folder.remove("\(vm).\(digest).iso") }
    }

    private func run<Value: Sendable>(
        _ body: @escaping @Sendable (DiskFolder) throws(DiskStoreError) -> Value
    ) async throws(DiskStoreError) -> Value {
        let result: Result<Value, DiskStoreError> = await withCheckedContinuation { continuation in
            queue.async { [folder] in
                continuation.resume(
                    returning: Result { () throws(DiskStoreError) -> Value in try body(folder) })
            }
        }
        return try result.get()
    }
}
