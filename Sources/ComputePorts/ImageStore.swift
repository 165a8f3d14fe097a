package import ImageFormats
package import Resources

/// Where the bytes of images are. An image comes in pieces and is shown to nobody before all of it is there and is what its
/// record says; from then on its bytes never change.
///
/// Layer 4. Every store passes the same contract suite (`ImageStoreContract`). Nothing here takes a path or a name that
/// a user wrote: an image is its id. One call at a time for each image; a second one meanwhile is refused as `busy`.
/// Every method may be called from any task and blocks no thread of the cooperative pool.
package protocol ImageStore: Sendable {
    /// Makes room for an image, or goes on with one that was begun.
    /// - Returns: how many bytes are there: the offset of the next piece. All of them for an image that is ready.
    /// - Throws: `overQuota` when the sizes of all images together, whole or begun, would be beyond the store's; `differs`
    ///   when it was begun with another size.
    func begin(_ image: ResourceID, size: UInt64) async throws(ImageStoreError) -> UInt64

    /// Adds a piece of 1 byte to `ImagePiece.maximum`.
    /// - Parameter offset: where it begins; must be what is there already.
    /// - Returns: how many bytes are there now. On an error those that were there before are, and no more.
    /// - Throws: `misplaced` with the right offset, `full` when the disk is, `differs` for bytes beyond the size.
    func append(_ piece: [UInt8], to image: ResourceID, at offset: UInt64) async throws(ImageStoreError) -> UInt64

    /// Checks what came, against the record and by `ImageInspection`, and makes it ready: durable, and unchangeable.
    /// Nothing is done to one that is ready and as expected.
    /// - Returns: what its first bytes say.
    /// - Throws: `incomplete` when bytes are missing; `refused` when it is not what it should be, or is not allowed: then
    ///   its bytes are gone.
    func finish(_ image: ResourceID, _ expected: ExpectedImage) async throws(ImageStoreError) -> ImageInspection

    /// At most `count` bytes of a ready image from `offset` on, fewer only at its end.
    func read(_ image: ResourceID, at offset: UInt64, count: Int) async throws(ImageStoreError) -> [UInt8]

    /// Forgets an image, whole or begun; nothing when there is none. Whether anybody needs it the caller knows.
    /// - Throws: `inUse` from a store that knows better: disks that are made of it are still there.
    func delete(_ image: ResourceID) async throws(ImageStoreError)

    /// All images, by id.
    func list() async throws(ImageStoreError) -> [StoredImage]
}

package enum ImagePiece {
    /// Bytes of one piece: what a request may hold in memory.
    package static let maximum = 8 << 20
}

/// What a finished image must be.
package struct ExpectedImage: Hashable, Sendable {
    /// In bytes.
    package var size: UInt64
    /// 64 hex digits in lower case.
    package var sha256: String
    package var format: ImageInspection.Format
    /// The largest disk that its guest may see, in bytes.
    package var largestDisk: UInt64

    package init(size: UInt64, sha256: String, format: ImageInspection.Format, largestDisk: UInt64) {
        self.size = size
        self.sha256 = sha256
        self.format = format
        self.largestDisk = largestDisk
    }
}

package struct StoredImage: Hashable, Sendable {
    package var id: ResourceID
    /// Of the whole image, in bytes.
    package var size: UInt64
    /// How many of them are there.
    package var received: UInt64
    package var isReady: Bool

    package init(id: ResourceID, size: UInt64, received: UInt64, isReady: Bool) {
        self.id = id
        self.size = size
        self.received = received
        self.isReady = isReady
    }
}

/// What can go wrong in a store of images, with enough to act on.
package struct ImageStoreError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// Not begun, or not ready.
        case absent
        case busy
        case differs
        case misplaced(expected: UInt64)
        case incomplete(missing: UInt64)
        case refused
        /// Disks stand on it.
        case inUse
        case overQuota
        /// The disk is: nothing of the piece was kept.
        case full
        /// The store cannot be reached or has failed.
        case unavailable
    }

    package let code: Code
    package let operation: String
    package let cause: String

    package init(_ code: Code, operation: String, cause: String) {
        self.code = code
        self.operation = operation
        self.cause = cause
    }

    package var description: String { "image store \(operation): \(cause)" }
}
