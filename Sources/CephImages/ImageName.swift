import ComputePorts
import Resources

/// What the name of an image in the pool says of it. Other names are somebody else's.
struct ImageName: Hashable, Sendable {
    let id: ResourceID
    /// Of the whole image, in bytes.
    let size: UInt64
    let isReady: Bool

    init(_ id: ResourceID, _ size: UInt64, isReady: Bool) {
        self.id = id
        self.size = size
        self.isReady = isReady
    }

    init(_ image: StoredImage) { self.init(image.id, image.size, isReady: image.isReady) }

    init?(parsing name: String) {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "image" || parts[0] == "part", let id = ResourceID(parts[1]),
            let size = UInt64(parts[2]), String(size) == parts[2]
        else { return nil }
        self.init(id, size, isReady: parts[0] == "image")
    }

    var text: String { "\(isReady ? "image" : "part").\(id).\(size)" }
}
