import ComputePorts
import DiskContract
import FileImages
import Foundation
import ImageFormats
import Resources
import Testing

/// The store of images in a directory.
@Suite(.serialized) struct FileImagesTests {
    /// A folder that is removed at the end.
    static func inFolder(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/kc-file-images-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }  // It is in /tmp: what stays harms nothing.
        try await body(folder)
    }

    static func names(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0 != ".locks" }.sorted()
    }

    @Test func `a directory is a store of images as the contract says`() async throws {
        try await Self.inFolder { folder in
            let contract = ImageStoreContract(
                make: { try FileImages(path: folder, quota: $0) },
                again: { try FileImages(path: folder, quota: 100 << 20) })
            try await contract.all()
            #expect(try Self.names(folder) == [])
        }
    }

    @Test func `a disk that is full in the middle of an upload keeps what came, and the upload goes on`() async throws {
        try await Self.inFolder { folder in
            try #require(mount("tmpfs", folder, "tmpfs", 0, "size=2m") == 0, "mount: errno \(errno)")
            defer { umount2(folder, Int32(MNT_DETACH)) }
            let filler = folder + "/filler"
            try Data(count: 1 << 20).write(to: URL(fileURLWithPath: filler))
            let store = try FileImages(path: folder, quota: 100 << 20)
            let bytes = ImageStoreContract.bytes(1_500_000)
            let id = ResourceID(UUID())
            _ = try await store.begin(id, size: 1_500_000)
            _ = try await store.append(Array(bytes[..<500_000]), to: id, at: 0)
            await ImageStoreContract.expectError(.full) {
                _ = try await store.append(Array(bytes[500_000...]), to: id, at: 500_000)
            }
            // Not a byte of the piece, neither in memory nor on the disk.
            #expect(try await store.list().map(\.received) == [500_000])
            #expect(try await FileImages(path: folder, quota: 100 << 20).list().map(\.received) == [500_000])
            try FileManager.default.removeItem(atPath: filler)
            _ = try await store.append(Array(bytes[500_000...]), to: id, at: 500_000)
            #expect(try await store.finish(id, ImageStoreContract.expected(bytes)).virtualSize == 1_500_000)
        }
    }

    @Test func `links and foreign files in the directory are nobody's image, and are left alone`() async throws {
        try await Self.inFolder { folder in
            let (first, second) = (ResourceID(UUID()), ResourceID(UUID()))
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/\(first).image", withDestinationPath: "/etc/shadow")
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/\(second).10.part", withDestinationPath: folder + "/target")
            try Data("x".utf8).write(to: URL(fileURLWithPath: folder + "/notes.txt"))
            let store = try FileImages(path: folder, quota: 1 << 20)
            #expect(try await store.list() == [])
            await ImageStoreContract.expectError(.absent) { _ = try await store.read(first, at: 0, count: 10) }
            await ImageStoreContract.expectError(.unavailable) { _ = try await store.begin(second, size: 10) }
            #expect(try Self.names(folder).count == 3)
            #expect(FileManager.default.fileExists(atPath: folder + "/target") == false)
        }
    }

    @Test(arguments: ["-b /etc/hostname -F raw out 1M", "-o data_file=secret,data_file_raw=on out 1M"])
    func `a qcow2 image with a way out of its file is refused, and its bytes are gone`(options: String) async throws {
        try await Self.inFolder { folder in
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/qemu-img")
            process.arguments = ["create", "-q", "-f", "qcow2"] + options.split(separator: " ").map(String.init)
            process.currentDirectoryURL = URL(fileURLWithPath: folder)
            try process.run()
            process.waitUntilExit()
            try #require(process.terminationStatus == 0)
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/out")))
            try FileManager.default.createDirectory(atPath: folder + "/images", withIntermediateDirectories: true)
            let store = try FileImages(path: folder + "/images", quota: 10 << 20)
            let id = ResourceID(UUID())
            try await ImageStoreContract.upload(bytes, id, to: store)
            await ImageStoreContract.expectError(.refused) {
                _ = try await store.finish(id, ImageStoreContract.expected(bytes, .qcow2))
            }
            #expect(try Self.names(folder + "/images") == [])
        }
    }

    @Test func `a ready image cannot be written, and no upload takes its place`() async throws {
        try await Self.inFolder { folder in
            let store = try FileImages(path: folder, quota: 10 << 20)
            let (id, bytes) = (ResourceID(UUID()), ImageStoreContract.bytes(1000))
            try await ImageStoreContract.upload(bytes, id, to: store)
            _ = try await store.finish(id, ImageStoreContract.expected(bytes))
            let file = "\(folder)/\(id).image"
            #expect(try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int == 0o400)
            // Not what the caller expects, and yet it stays: others may stand on it.
            await ImageStoreContract.expectError(.refused) {
                _ = try await store.finish(id, ImageStoreContract.expected(ImageStoreContract.bytes(1000, seed: 2)))
            }
            #expect(try await store.read(id, at: 0, count: 1000) == bytes)
        }
    }

    @Test func `two that share a directory see one store, and neither brings bytes into what the other has`()
        async throws
    {
        try await Self.inFolder { folder in
            let (one, other) = (
                try FileImages(path: folder, quota: 3000), try FileImages(path: folder, quota: 3000)
            )
            let (id, bytes) = (ResourceID(UUID()), ImageStoreContract.bytes(1000))
            _ = try await one.begin(id, size: 1000)
            _ = try await one.append(Array(bytes[..<400]), to: id, at: 0)
            #expect(try await other.begin(id, size: 1000) == 400)
            _ = try await other.append(Array(bytes[400...]), to: id, at: 400)
            _ = try await one.finish(id, ImageStoreContract.expected(bytes))
            #expect(try await other.read(id, at: 0, count: 1000) == bytes)
            #expect(try await other.list() == (try await one.list()))
            // Room is counted over both, also when they begin at the same time: for two of the four there is.
            let begun = try await withThrowingTaskGroup(of: Bool.self) { group in
                for (store, next) in [one, other, one, other].map({ ($0, ResourceID(UUID())) }) {
                    group.addTask {
                        do {
                            _ = try await store.begin(next, size: 1000)
                            return true
                        } catch let error as ImageStoreError where error.code == .overQuota { return false }
                    }
                }
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(begun == 2)
            try await other.delete(id)
            #expect(try await one.list().count == 2)
        }
    }
}
