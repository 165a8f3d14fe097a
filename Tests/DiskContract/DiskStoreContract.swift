package import ComputeModel
import ComputePlanning
package import ComputePorts
import Foundation
import Resources
package import Testing

/// What every store of disks must do. `open` opens it anew; it is empty but for what the images are in.
package struct DiskStoreContract {
    package let open: () throws -> any DiskStore
    /// One that is there.
    package let image: ImageOrder

    package init(image: ImageOrder, open: @escaping () throws -> any DiskStore) {
        self.image = image
        self.open = open
    }

    package static func expectError(
        _ code: DiskStoreError.Code, sourceLocation: SourceLocation = #_sourceLocation,
        _ body: () async throws -> Void
    ) async {
        do {
            try await body()
            Issue.record("it was done", sourceLocation: sourceLocation)
        } catch let error as DiskStoreError {
            #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        } catch { Issue.record("\(error)", sourceLocation: sourceLocation) }
    }

    package func all() async throws {
        let disks = try open()
        let (vm, other) = (ResourceID(UUID()), ResourceID(UUID()))
        let disk = ObservedDisk(fence: 7, sizeGiB: 2)
        #expect(try await disks.look().disks == [:])
        try await disks.makeDisk(disk, of: vm, over: image)
        #expect(try await disks.look().disks == [vm: [disk]])
        // What is there stays as it is: it may be in use.
        try await disks.makeDisk(disk, of: vm, over: image)
        #expect(try await open().look().disks == [vm: [disk]])

        let larger = ObservedDisk(fence: 7, sizeGiB: 3)
        try await disks.growDisk(larger, of: vm)
        #expect(try await disks.look().disks == [vm: [larger]])
        #expect(try await open().look().disks == [vm: [larger]])

        // Of another placement, and of another VM.
        let later = ObservedDisk(fence: 8, sizeGiB: 2)
        try await disks.makeDisk(later, of: vm, over: image)
        try await disks.makeDisk(later, of: other, over: image)
        #expect(try await disks.look().disks == [vm: [larger, later], other: [later]])
        try await disks.removeDisk(larger, of: vm)
        try await disks.removeDisk(larger, of: vm)
        #expect(try await disks.look().disks == [vm: [later], other: [later]])

        let absent = ImageOrder(id: ResourceID(UUID()), format: .raw, size: image.size, sha256: image.sha256)
        await Self.expectError(.absent) { try await disks.makeDisk(larger, of: vm, over: absent) }
        #expect(try await disks.look().disks == [vm: [later], other: [later]], "something was left")
        try await disks.removeDisk(later, of: vm)
        try await disks.removeDisk(later, of: other)
        #expect(try await open().look().disks == [:])
    }
}
