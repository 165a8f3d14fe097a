package import ComputePorts
import Crypto
import Glibc
package import ImageFormats
package import Resources

/// Layer 5. Images as RBD images of one pool: `image.<id>.<size>` is ready, `part.<id>.<size>` has been begun. Must not know
/// what an image is for.
///
/// What is there the pool alone says: any number of machines share it. A ready image has a protected snapshot, of which
/// disks are cloned; it is taken before the image is checked, so that what was checked is what is used.
package final class CephImages: ImageStore {
    private let cluster: CephCluster
    private let quota: UInt64

    /// - Parameter quota: bytes of all images together, whole or begun.
    package init(_ cluster: CephCluster, quota: UInt64) {
        self.cluster = cluster
        self.quota = quota
    }

    package func begin(_ image: ResourceID, size: UInt64) async throws(ImageStoreError) -> UInt64 {
        try await alone(image, "begin") {
            [quota] pool, known throws(CephFailure) -> Result<UInt64, ImageStoreError> in
            if let known {
                guard known.size == size else {
                    let cause = "the image was begun with \(known.size) bytes, not \(size)"
                    return .failure(Self.error(.differs, "begin", cause))
                }
                return .success(known.received)
            }
            let used = try Self.list(pool).reduce(0) { $0 + $1.size }
            guard size <= quota, used <= quota - size else {
                let cause = "\(size) bytes more than the \(used) that are taken would be beyond the \(quota) allowed"
                return .failure(Self.error(.overQuota, "begin", cause))
            }
            try pool.create(ImageName(image, size, isReady: false).text, size: size)
            return .success(0)
        }
    }

    package func append(_ piece: [UInt8], to image: ResourceID, at offset: UInt64) async throws(ImageStoreError)
        -> UInt64
    {
        try await alone(image, "append") {
            pool, known throws(CephFailure) -> Result<UInt64, ImageStoreError> in
            guard let known, !known.isReady else {
                let code: ImageStoreError.Code = known == nil ? .absent : .differs
                return .failure(Self.error(code, "append", "no image of this id is being uploaded"))
            }
            guard offset == known.received else {
                let cause = "the next piece begins at \(known.received), not at \(offset)"
                return .failure(Self.error(.misplaced(expected: known.received), "append", cause))
            }
            let missing = known.size - known.received
            guard (1...ImagePiece.maximum).contains(piece.count), UInt64(piece.count) <= missing else {
                let cause =
                    "a piece has 1 to \(ImagePiece.maximum) bytes, and \(missing) are missing; it has \(piece.count)"
                return .failure(Self.error(.differs, "append", cause))
            }
            let received = known.received + UInt64(piece.count)
            try pool.writing(ImageName(known).text) { part throws(CephFailure) in
                try part.write(piece, at: offset)
                try part.note(Self.received, "\(received)")
            }
            return .success(received)
        }
    }

    package func finish(_ image: ResourceID, _ expected: ExpectedImage) async throws(ImageStoreError)
        -> ImageInspection
    {
        let known = try await alone(image, "finish") {
            pool, known throws(CephFailure) -> Result<StoredImage, ImageStoreError> in
            guard let known else { return .failure(Self.error(.absent, "finish", "no image of this id was begun")) }
            guard known.received == known.size else {
                let missing = known.size - known.received
                return .failure(Self.error(.incomplete(missing: missing), "finish", "\(missing) bytes are missing"))
            }
            if !known.isReady {
                try pool.writing(ImageName(known).text) { part throws(CephFailure) in try part.snapshot() }
            }
            return .success(known)
        }
        let inspection: ImageInspection
        do throws(ImageStoreError) { inspection = try await inspect(known, expected) } catch {
            // A ready one is not what the caller expects: no fault of its bytes. What could not be read stays too.
            if error.code == .refused, !known.isReady { try await delete(image) }
            throw error
        }
        guard !known.isReady else { return inspection }
        return try await alone(image, "finish") {
            pool, now throws(CephFailure) -> Result<ImageInspection, ImageStoreError> in
            guard let now, now.size == known.size else {
                return .failure(Self.error(.absent, "finish", "it was deleted meanwhile"))
            }
            guard !now.isReady else { return .success(inspection) }
            let name = ImageName(now)
            try pool.writing(name.text) { part throws(CephFailure) in try part.protect() }
            try pool.rename(name.text, to: ImageName(image, now.size, isReady: true).text)
            return .success(inspection)
        }
    }

    /// Reads all of the snapshot once.
    private func inspect(_ image: StoredImage, _ expected: ExpectedImage) async throws(ImageStoreError)
        -> ImageInspection
    {
        guard image.size == expected.size else {
            throw Self.refusal("it has \(image.size) bytes instead of \(expected.size)")
        }
        let head = try await bytes(of: image, at: 0, count: Int(min(UInt64(ImageInspection.headSize), image.size)))
        let inspection: ImageInspection
        do throws(ImageRefusal) {
            inspection = try ImageInspection(
                head: head, fileSize: image.size, format: expected.format, limit: expected.largestDisk)
        } catch { throw Self.refusal(error.description) }
        var sum = SHA256()
        var offset: UInt64 = 0
        while offset < image.size {
            let piece = try await bytes(of: image, at: offset, count: Int(min(32 << 20, image.size - offset)))
            guard !piece.isEmpty else { throw Self.error(.unavailable, "finish", "the image is shorter than it was") }
            sum.update(data: piece)
            offset += UInt64(piece.count)
        }
        let digest = sum.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        guard digest == expected.sha256 else {
            throw Self.refusal("its SHA-256 is \(digest) instead of \(expected.sha256)")
        }
        return inspection
    }

    private func bytes(of image: StoredImage, at offset: UInt64, count: Int) async throws(ImageStoreError) -> [UInt8] {
        do throws(CephFailure) {
            return try await cluster.work("read", image.id.description) { pool throws(CephFailure) in
                try pool.reading(ImageName(image).text) { image throws(CephFailure) in
                    try image.read(at: offset, count: count)
                }
            }
        } catch { throw Self.error(error, "read") }
    }

    package func read(_ image: ResourceID, at offset: UInt64, count: Int) async throws(ImageStoreError) -> [UInt8] {
        guard let known = try await list().first(where: { $0.id == image }), known.isReady else {
            throw Self.error(.absent, "read", "no image of this id is ready")
        }
        let length = min(UInt64(max(0, min(count, ImagePiece.maximum))), known.size > offset ? known.size - offset : 0)
        return length == 0 ? [] : try await bytes(of: known, at: offset, count: Int(length))
    }

    package func delete(_ image: ResourceID) async throws(ImageStoreError) {
        try await alone(image, "delete") {
            pool, known throws(CephFailure) -> Result<Void, ImageStoreError> in
            do throws(CephFailure) {
                // What disks are cloned of where the image itself is no raw one.
                try pool.removeBase(CephDisks.base(image))
                if let known { try pool.removeBase(ImageName(known).text) }
            } catch {
                guard error.number == EBUSY else { throw error }
                return .failure(Self.error(.inUse, "delete", error.description))
            }
            return .success(())
        }
    }

    package func list() async throws(ImageStoreError) -> [StoredImage] {
        do throws(CephFailure) {
            return try await cluster.look("list", cluster.place.pool) { pool throws(CephFailure) in
                try Self.list(pool)
            }
        } catch { throw Self.error(error, "list") }
    }

    // MARK: one at a time

    private static let received = "kc.received"

    private static func list(_ pool: CephPool) throws(CephFailure) -> [StoredImage] {
        var images: [StoredImage] = []
        for name in try pool.names() {
            guard let parsed = ImageName(parsing: name) else { continue }
            images.append(try stored(parsed, pool))
        }
        return images.sorted { $0.id < $1.id }
    }

    private static func stored(_ name: ImageName, _ pool: CephPool) throws(CephFailure) -> StoredImage {
        guard !name.isReady else {
            return StoredImage(id: name.id, size: name.size, received: name.size, isReady: true)
        }
        let text = try pool.reading(name.text, snapshot: nil) { part throws(CephFailure) in
            try part.noted(received)
        }
        return StoredImage(
            id: name.id, size: name.size, received: min(text.flatMap { UInt64($0) } ?? 0, name.size), isReady: false)
    }

    /// Runs `body` alone on all machines for this image, with what is there of it.
    private func alone<Value: Sendable>(
        _ image: ResourceID, _ operation: String,
        _ body: @escaping @Sendable (CephPool, StoredImage?) throws(CephFailure) -> Result<Value, ImageStoreError>
    ) async throws(ImageStoreError) -> Value {
        let result: Result<Value, ImageStoreError>
        do throws(CephFailure) {
            result = try await cluster.work(operation, image.description) {
                [cookie = cluster.cookie] pool throws(CephFailure) in
                try pool.alone(image.description, cookie: cookie) { () throws(CephFailure) in
                    let name = try pool.names().lazy.compactMap { ImageName(parsing: $0) }.first { $0.id == image }
                    guard let name else { return try body(pool, nil) }
                    return try body(pool, try Self.stored(name, pool))
                }
            }
        } catch { throw Self.error(error, operation) }
        return try result.get()
    }

    private static func refusal(_ cause: String) -> ImageStoreError {
        error(.refused, "finish", "the image is refused: \(cause)")
    }

    private static func error(_ code: ImageStoreError.Code, _ operation: String, _ cause: String) -> ImageStoreError {
        ImageStoreError(code, operation: operation, cause: cause)
    }

    private static func error(_ failure: CephFailure, _ operation: String) -> ImageStoreError {
        error(
            failure.isFull ? .full : failure.number == EBUSY ? .busy : .unavailable, operation, failure.description)
    }
}
