import ComputeModel
import ComputePorts
import ComputeService
import ImageFormats
import Logging
import Persistence
import Resources

/// Brings the bytes of images into their store, says how far they are, and takes away those whose record is gone.
struct ImageIntake: Sendable {
    let service: ComputeService
    let images: any ImageStore
    let logger: Logger

    /// Where an image is on its way.
    struct Upload: Sendable {
        var received: UInt64
        var size: UInt64
        var state: ImageReport.State
    }

    func received(_ item: ComputeItem) async throws(Problem) -> Upload {
        let spec = try service.imageSpec(item)
        do {
            let stored = try await images.list().first { $0.id == item.id }
            return Upload(
                received: stored?.received ?? 0, size: spec.size,
                state: stored?.isReady == true ? .ready : .uploading)
        } catch { throw Problem(error) }
    }

    func append(_ piece: [UInt8], to item: ComputeItem, at offset: UInt64) async throws(Problem) -> Upload {
        let spec = try service.imageSpec(item)
        var received: UInt64
        do {
            received = try await images.begin(item.id, size: spec.size)
            // A piece that came already is no mistake: its answer may have been lost.
            // The offset is the caller's: nothing is added to it.
            if offset > received || UInt64(piece.count) > received - offset {
                received = try await images.append(piece, to: item.id, at: offset)
            }
        } catch { throw Problem(error) }
        guard received == spec.size else {
            // How far it is, is asked of the store; a report for each piece would be a write for each.
            return Upload(received: received, size: spec.size, state: .uploading)
        }
        return try await finish(item)
    }

    /// Makes room for it, or goes on with what came.
    func begin(_ item: ComputeItem) async throws(Problem) -> UInt64 {
        let spec = try service.imageSpec(item)
        do { return try await images.begin(item.id, size: spec.size) } catch { throw Problem(error) }
    }

    func stored(_ id: ResourceID) async throws(Problem) -> StoredImage? {
        do { return try await images.list().first { $0.id == id } } catch { throw Problem(error) }
    }

    /// What came is of no use.
    func forget(_ id: ResourceID) async throws(Problem) {
        do { try await images.delete(id) } catch { throw Problem(error) }
    }

    /// Checks what is whole, and says whether it is ready or refused.
    func finish(_ item: ComputeItem) async throws(Problem) -> Upload {
        let spec = try service.imageSpec(item)
        let expected = ExpectedImage(
            size: spec.size, sha256: spec.sha256.description, format: spec.format == .raw ? .raw : .qcow2,
            largestDisk: spec.minimumDiskGiB << 30)
        do { _ = try await images.finish(item.id, expected) } catch {
            if error.code == .refused {
                _ = try await service.report(
                    ImageReport(state: .refused, received: 0, message: error.cause), of: item.id)
            }
            throw Problem(error)
        }
        _ = try await service.report(ImageReport(state: .ready, received: spec.size), of: item.id)
        return Upload(received: spec.size, size: spec.size, state: .ready)
    }

    /// Looks at the store and at the records whenever a record may have changed, and makes them agree: bytes without a record
    /// are taken away, and what is ready is said so. Ends with the cache's streams, or by cancellation.
    func keep() async {
        var seen: [ResourceID: ImageReport?]?
        for await _ in service.cache.signals() {
            guard seen != service.cache.images else { continue }
            do { seen = try await settle() } catch {
                logger.warning("images cannot be looked at", metadata: ["reason": "\(error)"])
            }
        }
    }

    private func settle() async throws -> [ResourceID: ImageReport?] {
        // Not before the cache knows the records: bytes would have none.
        try await service.cache.wait(for: .zero)
        // First the bytes: they never come before their record.
        let all = try await images.list()
        var known = service.cache.images
        if all.contains(where: { known[$0.id] == nil }) {
            // Another server may have made the record since: bytes that are here are of a record that the store shows by now.
            try await service.await(.consistent)
            known = service.cache.images
        }
        for stored in all {
            guard let report = known[stored.id] else {
                try await images.delete(stored.id)
                continue
            }
            if stored.isReady, report?.state != .ready {
                _ = try await service.report(ImageReport(state: .ready, received: stored.size), of: stored.id)
            }
        }
        return known
    }
}
