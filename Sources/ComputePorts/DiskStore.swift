package import ComputeModel
package import ComputePlanning
package import Resources

/// Where the disks and seeds of one host's VMs are. A file is there whole or not at all; each verb may be repeated.
///
/// Layer 4. May be called from any task and blocks no thread of the cooperative pool. Nothing takes a path or name that
/// a user wrote.
package protocol DiskStore: Sendable {
    /// Disks and seeds; what stores of images have it does not know.
    func look() async throws(DiskStoreError) -> ObservedFiles
    /// Of the file system that they are on, in GiB, all of it.
    func capacityGiB() async throws(DiskStoreError) -> UInt64
    /// Makes a disk over an image that is whole, in a time that does not depend on the image's size.
    /// - Throws: `full` when there is no room: then nothing is left.
    func makeDisk(_ disk: ObservedDisk, of vm: ResourceID, over image: ImageOrder) async throws(DiskStoreError)
    /// Only of a VM that is off. Never shrinks.
    func growDisk(_ disk: ObservedDisk, of vm: ResourceID) async throws(DiskStoreError)
    func removeDisk(_ disk: ObservedDisk, of vm: ResourceID) async throws(DiskStoreError)
    func makeSeed(_ seed: NoCloudSeed, of vm: ResourceID) async throws(DiskStoreError)
    /// The end of what the VM wrote to its console, also while nobody was there; nil when nothing is kept.
    func consoleTail(of vm: ResourceID) async -> [UInt8]?
    func removeSeed(_ digest: String, of vm: ResourceID) async throws(DiskStoreError)
}

package struct DiskStoreError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        case full
        /// Something that must be there is not.
        case absent
        case failed
    }

    package let code: Code
    package let operation: String
    package let cause: String

    package init(_ code: Code, operation: String, cause: String) {
        self.code = code
        self.operation = operation
        self.cause = cause
    }

    package var description: String { "\(operation): \(cause)" }
}
