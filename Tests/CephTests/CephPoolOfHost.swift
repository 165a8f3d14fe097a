import CephImages
import ComputeModel
import ComputePlanning
import ComputePorts
import Crypto
import DiskContract
import DomainXML
import FileDisks
import Foundation
import ImageConversion
import ImageFormats
import Resources
import Testing

/// The pool as the agent of one host sees it.
struct CephPoolOfHost {
    let paths: HostPaths
    let place: RBDPlace
    let images: CephImages
    let disks: CephDisks

    init(_ ceph: TestCeph, _ host: String, _ paths: HostPaths) throws {
        self.paths = paths
        let cluster = CephCluster(ceph.place)
        let configuration = try #require(HostPath(ceph.guestConfiguration))
        place = try #require(
            RBDPlace(
                pool: "kc", configuration: configuration, user: TestCeph.user, secret: ceph.secret, host: host))
        images = CephImages(cluster, quota: 1 << 40)
        disks = CephDisks(
            cluster, place, seeds: try FileDisks(paths), images: images,
            converter: try QEMUConverter(folder: paths.convert, largestDisk: 1 << 40), shareGiB: 100)
    }

    /// Brings an image, whole.
    func add(_ bytes: [UInt8], _ format: Image.Format) async throws -> ImageOrder {
        let id = ResourceID(UUID())
        try await ImageStoreContract.upload(bytes, id, to: images)
        let expected = ImageStoreContract.expected(bytes, format == .raw ? .raw : .qcow2)
        _ = try await images.finish(id, expected)
        return ImageOrder(
            id: id, format: format, size: expected.size, sha256: try #require(SHA256Digest(expected.sha256)))
    }
}
