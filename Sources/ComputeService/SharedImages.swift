package import Persistence
package import Resources

/// Whose images a store's records speak of, where several servers serve them: all must have the same place for the bytes.
package enum SharedImages {
    static let key = StoreKey("/kc/compute/k/images")

    /// The place that the store belongs to; the first server that comes says which.
    /// - Parameter place: what this server's place calls itself.
    /// - Throws: what the store does; a `conflict` when other servers have another place.
    package static func agree(on place: ResourceID, in store: any Store) async throws {
        let value = Array(place.description.utf8)
        let first = StoreTransaction(conditions: [.absent(key)], changes: [.put(key, value)])
        if case .committed = try await store.commit(first) { return }
        let present = try await store.get(key).entry?.value
        guard present == value else {
            throw Problem(
                .conflict,
                "other servers of this store keep its images elsewhere (their place is "
                    + "\(present.map { String(decoding: $0.prefix(64), as: UTF8.self) } ?? "none"), this one's is \(place)): "
                    + "all must have one directory of images, on a file system that they share; mount it, and name it with "
                    + "--image-dir")
        }
    }
}
