package import ComputeModel
package import ComputePlanning
package import ComputePorts
import DomainXML
import Glibc
import ImageFormats
package import Resources
import Synchronization

/// Layer 5. VMs' disks as clones of images in one pool, made in the same time whatever the image's size. Must not know what
/// runs them.
///
/// Every disk bears the word of its host in its name (`RBDPlace`): of the disks of other hosts in the pool nothing is seen
/// here. Seeds are files, and somebody else's work.
package final class CephDisks: DiskStore {
    private let cluster: CephCluster
    private let place: RBDPlace
    private let seeds: any DiskStore
    private let images: any ImageStore
    private let converter: any ImageConverter
    /// What this host may have of the cluster, in GiB; nil for all of it.
    private let share: UInt64?
    /// In bytes, by name: nobody else changes a disk's size.
    private let sizes = Mutex<[String: UInt64]>([:])

    /// - Parameters:
    ///   - seeds: where the seeds are made and found.
    ///   - images: of the same pool.
    package init(
        _ cluster: CephCluster, _ place: RBDPlace, seeds: any DiskStore, images: CephImages,
        converter: any ImageConverter, shareGiB: UInt64?
    ) {
        self.cluster = cluster
        self.place = place
        self.seeds = seeds
        self.images = images
        self.converter = converter
        share = shareGiB
    }

    /// What disks are cloned of where the image is no raw one.
    static func base(_ image: ResourceID) -> String { "base.\(image)" }

    package func look() async throws(DiskStoreError) -> ObservedFiles {
        var files = try await seeds.look()
        let known = sizes.withLock { $0 }
        let found = try await run("list", "disks", isWork: false) { [place] pool throws(CephFailure) in
            var found: [String: UInt64] = [:]
            for name in try pool.names() where place.parse(name) != nil {
                if let size = known[name] {
                    found[name] = size
                } else {
                    found[name] = try pool.reading(name, snapshot: nil) { disk throws(CephFailure) in
                        try disk.size()
                    }
                }
            }
            return found
        }
        sizes.withLock { sizes in for (name, size) in found where sizes[name] == nil { sizes[name] = size } }
        files.disks = [:]
        for (name, size) in found {
            guard let (vm, fence) = place.parse(name) else { continue }
            files.disks[vm, default: []].insert(ObservedDisk(fence: fence, sizeGiB: size >> 30))
        }
        return files
    }

    package func capacityGiB() async throws(DiskStoreError) -> UInt64 {
        if let share { return share }
        let kilobytes: UInt64
        do throws(CephFailure) { kilobytes = try await cluster.size() } catch { throw Self.error(error) }
        guard kilobytes > 0 else {
            throw DiskStoreError(
                .failed, operation: "measure the cluster",
                cause: "no manager of it (ceph-mgr) has counted its room; start one, or say this host's share")
        }
        return kilobytes >> 20
    }

    package func makeDisk(
        _ disk: ObservedDisk, of vm: ResourceID, over image: ImageOrder
    ) async throws(DiskStoreError) {
        let name = place.disk(vm, fence: disk.fence)
        let base = image.format == .raw ? ImageName(image.id, image.size, isReady: true).text : Self.base(image.id)
        if image.format != .raw { try await makeBase(image) }
        try await run("make", name, isWork: true) { [host = place.host] pool throws(CephFailure) in
            // A second time: the first one may be in use.
            guard try !pool.exists(name) else { return }
            // What a crash left of a former try.
            let part = "new.\(host).\(vm).\(disk.fence)"
            try pool.remove(part)
            do throws(CephFailure) {
                try pool.clone(part, of: base)
                try pool.writing(part) { part throws(CephFailure) in try part.grow(to: disk.sizeGiB << 30) }
                try pool.rename(part, to: name)
            } catch {
                // As far as it can be: the next try begins with it.
                do throws(CephFailure) { try pool.remove(part) } catch {}
                throw error
            }
        }
        sizes.withLock { $0[name] = nil }
    }

    /// A raw copy of an image in another format, once for all hosts.
    private func makeBase(_ image: ImageOrder) async throws(DiskStoreError) {
        let base = Self.base(image.id)
        guard try await !run("look for", base, isWork: false, { pool throws(CephFailure) in try pool.exists(base) })
        else { return }
        let part = "new.\(place.host).\(base)"
        do {
            try await converter.convert(
                image.format == .raw ? .raw : .qcow2, size: image.size, to: .raw,
                read: { [images] offset, count in try await images.read(image.id, at: offset, count: count) },
                begin: { [self] size in
                    try await run("make", part, isWork: true) { pool throws(CephFailure) in
                        try pool.remove(part)
                        try pool.create(part, size: size)
                    }
                },
                write: { [self] bytes, offset in
                    try await run("write", part, isWork: true) { pool throws(CephFailure) in
                        try pool.writing(part) { part throws(CephFailure) in try part.write(bytes, at: offset) }
                    }
                })
        } catch {
            throw error as? DiskStoreError ?? DiskStoreError(.failed, operation: "convert image", cause: "\(error)")
        }
        try await run("make", base, isWork: true) { pool throws(CephFailure) in
            try pool.writing(part) { part throws(CephFailure) in
                try part.snapshot()
                try part.protect()
            }
            do throws(CephFailure) { try pool.rename(part, to: base) } catch {
                // Another host was first: theirs is the same.
                guard error.number == EEXIST else { throw error }
                try pool.removeBase(part)
            }
        }
    }

    package func growDisk(_ disk: ObservedDisk, of vm: ResourceID) async throws(DiskStoreError) {
        let name = place.disk(vm, fence: disk.fence)
        try await run("grow", name, isWork: true) { pool throws(CephFailure) in
            try pool.writing(name) { image throws(CephFailure) in try image.grow(to: disk.sizeGiB << 30) }
        }
        sizes.withLock { $0[name] = nil }
    }

    package func removeDisk(_ disk: ObservedDisk, of vm: ResourceID) async throws(DiskStoreError) {
        let name = place.disk(vm, fence: disk.fence)
        try await run("remove", name, isWork: true) { pool throws(CephFailure) in try pool.remove(name) }
        sizes.withLock { $0[name] = nil }
    }

    package func consoleTail(of vm: ResourceID) async -> [UInt8]? { await seeds.consoleTail(of: vm) }

    package func makeSeed(_ seed: NoCloudSeed, of vm: ResourceID) async throws(DiskStoreError) {
        try await seeds.makeSeed(seed, of: vm)
    }

    package func removeSeed(_ digest: String, of vm: ResourceID) async throws(DiskStoreError) {
        try await seeds.removeSeed(digest, of: vm)
    }

    private func run<Value: Sendable>(
        _ operation: String, _ subject: String, isWork: Bool,
        _ body: @escaping @Sendable (CephPool) throws(CephFailure) -> Value
    ) async throws(DiskStoreError) -> Value {
        do throws(CephFailure) {
            return isWork
                ? try await cluster.work(operation, subject, body) : try await cluster.look(operation, subject, body)
        } catch { throw Self.error(error) }
    }

    private static func error(_ failure: CephFailure) -> DiskStoreError {
        DiskStoreError(
            failure.isFull ? .full : failure.number == ENOENT ? .absent : .failed,
            operation: "\(failure.operation) \(failure.subject)", cause: failure.cause)
    }
}
