package import ComputeModel
import Persistence
package import Resources
import Synchronization

extension ComputeCache {
    /// All images, with what is said of their bytes.
    package var images: [ResourceID: ImageReport?] {
        state.withLock { state in
            var images: [ResourceID: ImageReport?] = [:]
            for item in state.items.values where item.kind == .image { images[item.id] = .some(item.status.image) }
            return images
        }
    }
}

extension ComputeService {
    package func imageSpec(_ item: ComputeItem) throws(Problem) -> Image.Spec {
        guard let image: Resource<Image> = item.unwrap() else {
            throw Problem(.internal, "\(item.name) is no image")
        }
        return image.spec
    }
}
