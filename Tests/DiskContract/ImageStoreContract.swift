package import ComputePorts
import Crypto
import Foundation
package import ImageFormats
package import Resources
package import Testing

/// What every store of images must do. `make` gives an empty store of that quota, which `again` opens anew.
package struct ImageStoreContract {
    package let make: (_ quota: UInt64) throws -> any ImageStore
    package let again: () throws -> any ImageStore

    package init(
        make: @escaping (_ quota: UInt64) throws -> any ImageStore, again: @escaping () throws -> any ImageStore
    ) {
        self.make = make
        self.again = again
    }

    static let mib: UInt64 = 1 << 20

    package static func bytes(_ count: Int, seed: UInt8 = 1) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ Int(seed)) }
    }

    package static func expected(
        _ bytes: [UInt8], _ format: ImageInspection.Format = .raw, largestDisk: UInt64 = 1 << 40
    ) -> ExpectedImage {
        let digest = SHA256.hash(data: bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return ExpectedImage(
            size: UInt64(bytes.count), sha256: digest, format: format, largestDisk: largestDisk)
    }

    package static func expectError(
        _ code: ImageStoreError.Code, sourceLocation: SourceLocation = #_sourceLocation,
        _ body: () async throws -> Void
    ) async {
        do {
            try await body()
            Issue.record("it was done", sourceLocation: sourceLocation)
        } catch let error as ImageStoreError {
            #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        } catch { Issue.record("\(error)", sourceLocation: sourceLocation) }
    }

    /// Brings all of an image, in pieces of different sizes.
    package static func upload(_ bytes: [UInt8], _ id: ResourceID, to store: any ImageStore) async throws {
        var offset = Int(try await store.begin(id, size: UInt64(bytes.count)))
        var length = 1
        while offset < bytes.count {
            let piece = Array(bytes[offset..<min(bytes.count, offset + length)])
            offset = Int(try await store.append(piece, to: id, at: UInt64(offset)))
            length = length * 7 + 3
        }
    }

    package func all() async throws {
        try await comesInPiecesAndGoesOn()
        try await keepsToItsQuota()
        try await refusesWhatItIsNot()
        try await servesOneAtATime()
    }

    private func comesInPiecesAndGoesOn() async throws {
        let bytes = Self.bytes(3_000_000)
        let id = ResourceID(UUID())
        let store = try make(10 * Self.mib)
        #expect(try await store.begin(id, size: 3_000_000) == 0)
        #expect(try await store.append(Array(bytes[..<1_000_000]), to: id, at: 0) == 1_000_000)
        await Self.expectError(.misplaced(expected: 1_000_000)) {
            _ = try await store.append([1], to: id, at: 999_999)
        }
        await Self.expectError(.absent) { _ = try await store.read(id, at: 0, count: 1) }
        await Self.expectError(.incomplete(missing: 2_000_000)) {
            _ = try await store.finish(id, Self.expected(bytes))
        }
        await Self.expectError(.differs) { _ = try await store.begin(id, size: 3_000_001) }
        // As after a crash: what came is there, and nobody takes it for whole.
        let later = try again()
        #expect(
            try await later.list() == [StoredImage(id: id, size: 3_000_000, received: 1_000_000, isReady: false)])
        #expect(try await later.begin(id, size: 3_000_000) == 1_000_000)
        await Self.expectError(.differs) { _ = try await later.append(Self.bytes(2_000_001), to: id, at: 1_000_000) }
        #expect(try await later.append(Array(bytes[1_000_000...]), to: id, at: 1_000_000) == 3_000_000)
        #expect(try await later.finish(id, Self.expected(bytes)).virtualSize == 3_000_000)
        #expect(try await later.read(id, at: 2_999_990, count: 100) == Array(bytes[2_999_990...]))
        #expect(try await later.begin(id, size: 3_000_000) == 3_000_000)
        await Self.expectError(.differs) { _ = try await later.append([1], to: id, at: 3_000_000) }
        let last = try again()
        #expect(try await last.list() == [StoredImage(id: id, size: 3_000_000, received: 3_000_000, isReady: true)])
        #expect(try await last.finish(id, Self.expected(bytes)).virtualSize == 3_000_000)
        try await last.delete(id)
        try await last.delete(id)
        #expect(try await again().list() == [])
    }

    private func keepsToItsQuota() async throws {
        let store = try make(2 * Self.mib)
        let (first, second) = (ResourceID(UUID()), ResourceID(UUID()))
        _ = try await store.begin(first, size: 3 * Self.mib / 2)
        // Promised is taken, though no byte has come.
        await Self.expectError(.overQuota) { _ = try await store.begin(second, size: Self.mib) }
        await Self.expectError(.overQuota) { _ = try await store.begin(second, size: .max) }
        try await store.delete(first)
        _ = try await store.begin(second, size: 2 * Self.mib)
        try await store.delete(second)
    }

    private func refusesWhatItIsNot() async throws {
        let store = try make(10 * Self.mib)
        let bytes = Self.bytes(100_000)
        var other = Self.expected(bytes)
        other.sha256 = String(repeating: "0", count: 64)
        let secret = Array("QFI\u{fb}".unicodeScalars.map { UInt8($0.value) }) + Self.bytes(100_000)
        let vmdk = Array("# Disk DescriptorFile\nRW 63 FLAT \"/etc/shadow\" 0\n".utf8) + Self.bytes(1000)
        let archive = Array("../../etc/shadow".utf8) + Self.bytes(241) + Array("ustar  \0".utf8) + Self.bytes(9975)
        let cases: [([UInt8], ExpectedImage)] = [
            (bytes, other), (secret, Self.expected(secret)), (vmdk, Self.expected(vmdk)),
            (archive, Self.expected(archive)),
            (bytes, Self.expected(bytes, .qcow2)), (bytes, Self.expected(bytes, largestDisk: 99_999)),
        ]
        for (bytes, expected) in cases {
            let id = ResourceID(UUID())
            try await Self.upload(bytes, id, to: store)
            await Self.expectError(.refused) { _ = try await store.finish(id, expected) }
            #expect(try await store.list() == [], "something was left")
        }
    }

    private func servesOneAtATime() async throws {
        let store = try make(20 * Self.mib)
        let id = ResourceID(UUID())
        let bytes = Self.bytes(Int(4 * Self.mib))
        _ = try await store.begin(id, size: UInt64(bytes.count))
        let codes = await withTaskGroup(of: ImageStoreError.Code?.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    do throws(ImageStoreError) { _ = try await store.append(bytes, to: id, at: 0) } catch {
                        return error.code
                    }
                    return nil
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(codes.count { $0 == nil } == 1, "\(codes)")
        #expect(try await store.finish(id, Self.expected(bytes)).virtualSize == 4 * Self.mib)
        #expect(try await store.read(id, at: 0, count: bytes.count) == bytes)
        try await store.delete(id)
    }
}
