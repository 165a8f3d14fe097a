import Foundation
import ImageConversion
import ImageFormats
import LinuxProcesses
import NodePorts
import SeededRandomness
import Synchronization
import TestNamespaces
import Testing

/// Images of one format made from those of the other, by the real qemu-img.
@Suite(.serialized) struct ConversionTests {
    /// What a conversion wrote.
    private final class Written: Sendable {
        let bytes = Mutex(Data())
        let most = Mutex(0)
    }

    private static func convert(
        _ bytes: Data, _ format: ImageInspection.Format, to wanted: ImageInspection.Format, in folder: String,
        largest: UInt64 = 1 << 30
    ) async throws -> Data {
        let converter = try QEMUConverter(folder: folder + "/convert", largestDisk: largest)
        let written = Written()
        try await converter.convert(
            format, size: UInt64(bytes.count), to: wanted,
            read: { offset, count in [UInt8](bytes[Int(offset)..<Int(offset) + count]) },
            begin: { size in written.bytes.withLock { $0 = Data(count: Int(size)) } },
            write: { piece, offset in
                written.bytes.withLock { $0.replaceSubrange(Int(offset)..<Int(offset) + piece.count, with: piece) }
                written.most.withLock { $0 = max($0, piece.count) }
            })
        #expect(written.most.withLock { $0 } <= 8 << 20)
        return written.bytes.withLock { $0 }
    }

    @Test func `raw becomes qcow2 and raw again, byte for byte`() async throws {
        var random = SeededGenerator(printedFor: "raw becomes qcow2")
        try await FileImagesTests.inFolder { folder in
            chmod(folder, 0o711)
            var raw = Data(count: 40 << 20)
            for _ in 0..<30 {
                let place = Int.random(in: 0..<(raw.count - 70_000), using: &random)
                let count = Int.random(in: 1..<70_000, using: &random)
                raw.replaceSubrange(
                    place..<place + count, with: (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) })
            }
            let qcow2 = try await Self.convert(raw, .raw, to: .qcow2, in: folder)
            #expect(qcow2.count < raw.count / 2)
            let head = [UInt8](qcow2.prefix(ImageInspection.headSize))
            let inspection = try ImageInspection(
                head: head, fileSize: UInt64(qcow2.count), format: .qcow2, limit: 1 << 30)
            #expect(inspection.virtualSize == UInt64(raw.count))
            #expect(try await Self.convert(qcow2, .qcow2, to: .raw, in: folder) == raw)
            #expect(try FileImagesTests.names(folder + "/convert") == [])
        }
    }

    @Test func `what names another file, is larger than allowed, or torn, is refused and leaves nothing`() async throws
    {
        try await FileImagesTests.inFolder { folder in
            chmod(folder, 0o711)
            try Data("the secret".utf8).write(to: URL(fileURLWithPath: folder + "/secret"))
            func made(_ words: String...) throws -> Data {
                let path = folder + "/made"
                try command(
                    "/usr/bin/qemu-img", ["create", "-q", "-f", "qcow2"] + words.dropLast() + [path, words.last ?? ""])
                defer { unlink(path) }
                return try Data(contentsOf: URL(fileURLWithPath: path))
            }
            let backed = try made("-u", "-b", folder + "/secret", "-F", "raw", "1M")
            let huge = try made("2T")
            let vmdk = Data("# Disk DescriptorFile\nRW 63 FLAT \"\(folder)/secret\" 0\n".utf8)
            for (bytes, format) in [(backed, .qcow2), (huge, .qcow2), (vmdk, .raw)] as [(Data, ImageInspection.Format)]
            {
                await #expect(throws: ImageRefusal.self) {
                    _ = try await Self.convert(bytes, format, to: format == .raw ? .qcow2 : .raw, in: folder)
                }
            }
            // Its head is well, and its tables point to nowhere.
            var torn = try made("1G")
            let table = Int(torn[40..<48].reduce(0) { $0 << 8 | UInt64($1) })
            torn.replaceSubrange(table..<table + 8, with: [0x80, 0, 0, 0, 0, 0, 2, 0])
            await #expect(throws: ConversionFailure.self) {
                _ = try await Self.convert(torn, .qcow2, to: .raw, in: folder)
            }
            #expect(try FileImagesTests.names(folder + "/convert") == [])
        }
    }

    @Test func `tables that name one cluster a thousand times fill the folder of conversions, and leave nothing there`()
        async throws
    {
        try await FileImagesTests.inFolder { folder in
            chmod(folder, 0o711)
            let path = folder + "/bomb"
            try command("/usr/bin/qemu-img", "create", "-q", "-f", "qcow2", path, "512M")
            try command("/usr/bin/qemu-io", "-f", "qcow2", "-c", "write -q -P 0x5a 0 64k", path)
            var bomb = try Data(contentsOf: URL(fileURLWithPath: path))
            func place(at offset: Int) -> Int {
                Int(bomb[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) } & 0xff_ffff_ffff_fe00)
            }
            let table = place(at: place(at: 40))
            let entry = bomb[table..<table + 8]
            for index in 0..<8192 { bomb.replaceSubrange(table + index * 8..<table + index * 8 + 8, with: entry) }
            #expect(bomb.count < 1 << 20)
            let work = folder + "/convert"
            try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: false)
            try #require(mount("tmpfs", work, "tmpfs", 0, "size=16m,mode=711") == 0, "mount: errno \(errno)")
            defer { umount2(work, Int32(MNT_DETACH)) }
            do {
                _ = try await Self.convert(bomb, .qcow2, to: .raw, in: folder)
                Issue.record("512 MiB are in 16")
            } catch let failure as ConversionFailure { #expect(failure.isFull, "\(failure)") }
            #expect(try FileImagesTests.names(work) == [])
        }
    }

    @Test func `what a conversion's threads reserve is far from the bound on its memory`() async throws {
        try await FileImagesTests.inFolder { folder in
            chmod(folder, 0o711)
            let source = folder + "/source"
            let result = folder + "/result"
            try Data((0..<40 << 20).map { UInt8(truncatingIfNeeded: $0 >> 12) }).write(
                to: URL(fileURLWithPath: source))
            // A quarter of the bound: with stacks and arenas as they are by default, most of these end.
            let bounds = LimitedProgram.Bounds(writes: 1 << 30, time: .seconds(60), memory: 256 << 20)
            for _ in 0..<10 {
                try Data().write(to: URL(fileURLWithPath: result))
                chown(result, LimitedProgram.nobody, LimitedProgram.nobody)
                let run = try LimitedProgram.run(
                    "/usr/bin/qemu-img", ["convert", "-q", "-f", "raw", "-O", "qcow2", source, result], bounds)
                #expect(run.end == .exited(0), "\(run.words)")
            }
        }
    }
}
