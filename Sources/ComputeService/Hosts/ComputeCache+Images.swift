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

    /// Images that the server is to fetch and has not yet, the oldest first.
    package var imagesElsewhere: [ResourceID] {
        state.withLock { state in
            state.items.values.filter { item in
                guard item.kind == .image, let image: Resource<Image> = item.unwrap(), image.spec.url != nil else {
                    return false
                }
                let report = item.status.image
                return report == nil || report?.state == .uploading
            }.sorted { ($0.resource.metadata.created, $0.id) < ($1.resource.metadata.created, $1.id) }.map(\.id)
        }
    }

    /// An image that the server is to fetch, and from where; nil when there is none.
    package func elsewhere(_ id: ResourceID) -> (item: ComputeItem, address: String)? {
        state.withLock { state in
            guard let item = state.item(.image, id), let image: Resource<Image> = item.unwrap(),
                let address = image.spec.url
            else { return nil }
            return (item, address)
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
