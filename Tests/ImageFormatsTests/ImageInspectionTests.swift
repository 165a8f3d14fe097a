import Foundation
import ImageFormats
import SeededRandomness
import Testing

/// Images that qemu-img makes, and headers broken by hand.
@Suite struct ImageInspectionTests {
    static let gib: UInt64 = 1 << 30

    /// Runs qemu-img, or a script, in a folder of its own, and gives the head and size of the file `out` there.
    static func made(_ commands: [String], python script: String? = nil) throws -> (head: [UInt8], size: UInt64) {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("kc-images-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }  // It is in /tmp: what stays harms nothing.
        let calls =
            commands.map { ("/usr/bin/qemu-img", $0.split(separator: " ").map(String.init)) }
            + (script.map { [("/usr/bin/python3", ["-c", $0])] } ?? [])
        for (program, words) in calls {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: program)
            process.arguments = words
            process.currentDirectoryURL = folder
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            try #require(process.terminationStatus == 0, "\(program) \(words)")
        }
        let file = folder.appendingPathComponent("out")
        let size = try #require(FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int)
        let handle = try FileHandle(forReadingFrom: file)
        let head = try handle.read(upToCount: ImageInspection.headSize) ?? Data()
        return (Array(head), UInt64(size))
    }

    /// Made once: most tests begin with it.
    static let plain = Result { try made(["create -q -f qcow2 out 1G"]) }

    static func inspect(
        _ image: (head: [UInt8], size: UInt64), as format: ImageInspection.Format = .qcow2, limit: UInt64 = 100 * gib
    ) throws -> ImageInspection {
        try ImageInspection(head: image.head, fileSize: image.size, format: format, limit: limit)
    }

    static func refusal(
        _ image: (head: [UInt8], size: UInt64), as format: ImageInspection.Format = .qcow2, limit: UInt64 = 100 * gib
    ) -> String? {
        do { _ = try inspect(image, as: format, limit: limit) } catch let error as ImageRefusal {
            return error.description
        } catch {
            return "\(error)"
        }
        return nil
    }

    @Test(arguments: [
        "", "-o compat=0.10", "-o cluster_size=512", "-o cluster_size=2M", "-o extended_l2=on",
        "-o compression_type=zstd",
        "-o lazy_refcounts=on", "-o refcount_bits=1", "-o refcount_bits=64", "-o preallocation=metadata",
    ])
    func `what qemu-img makes without a way out of the file is taken, with the size of its disk`(options: String) throws
    {
        let image = try Self.made(["create -q -f qcow2 \(options) out 2G"])
        #expect(try Self.inspect(image).virtualSize == 2 * Self.gib)
        #expect(Self.refusal(image, limit: 2 * Self.gib - 1)?.contains("are allowed") == true)
        #expect(Self.refusal(image, as: .raw) == "it is said to be raw and begins as qcow2 does")
    }

    @Test(arguments: [
        (["create -q -f raw base 1G", "create -q -f qcow2 -b base -F raw out"], "it has a backing file"),
        (["create -q -f qcow2 -u -b /etc/passwd -F raw out 1G"], "it has a backing file"),
        (["create -q -f qcow2 -o compat=0.10 -u -b /etc/passwd -F raw out 1G"], "it has a backing file"),
        (["create -q -f qcow2 -o data_file=secret out 1G"], "it has an external data file"),
        (["create -q -f qcow2 -o data_file=secret,data_file_raw=on out 1G"], "it has an external data file"),
        (
            [
                "create -q -f qcow2 --object secret,id=s,data=abc -o encrypt.format=aes,encrypt.key-secret=s out 1G"
            ], "it is encrypted"
        ),
        (["create -q -f qcow2 out 1G", "snapshot -c one out"], "it has internal snapshots"),
        (["create -q -f vmdk out 1G"], "it is said to be qcow2 and is VMDK"),
        (["create -q -f vmdk -o subformat=monolithicFlat out 1G"], "it is said to be qcow2 and is VMDK"),
        (["create -q -f vdi out 1G"], "it is said to be qcow2 and is VDI"),
        (["create -q -f vhdx out 1G"], "it is said to be qcow2 and is VHDX"),
        (["create -q -f vpc out 1G"], "it is said to be qcow2 and is VHD"),
        (["create -q -f qed out 1G"], "it is said to be qcow2 and is QED"),
        (["create -q -f raw out 1G"], "it is said to be qcow2 and is none"),
    ])
    func `what leads out of the file, or is another format, is refused with the reason`(
        commands: [String], reason: String
    ) throws {
        let image = try Self.made(commands)
        #expect(Self.refusal(image) == reason)
        if !reason.hasSuffix("none") {
            #expect(Self.refusal(image, as: .raw)?.hasPrefix("it is said to be raw") == true)
        }
    }

    @Test(arguments: [
        ("t = tarfile.open('out', 'w'); t.add('/etc/hostname', '../../etc/name')", "tar"),
        ("t = tarfile.open('out', 'w', format=tarfile.USTAR_FORMAT); t.add('/etc/hostname', '../name')", "tar"),
        ("t = tarfile.open('out', 'w:gz'); t.add('/etc/hostname', '../name')", "gzip"),
        ("t = tarfile.open('out', 'w:xz'); t.add('/etc/hostname', '../name')", "xz"),
        ("t = bz2.open('out', 'w'); t.write(bytes(100000))", "bzip2"),
        ("t = zipfile.ZipFile('out', 'w'); t.write('/etc/hostname', '../../etc/name')", "zip"),
    ])
    func `an archive of names that lead out of it, or a packed image, is no image of any format`(
        script: String, name: String
    ) throws {
        let image = try Self.made([], python: "import bz2, tarfile, zipfile; \(script); t.close()")
        #expect(Self.refusal(image, as: .raw) == "it is said to be raw and begins as \(name) does")
        #expect(Self.refusal(image, as: .qcow2) == "it is said to be qcow2 and is \(name)")
    }

    @Test func `a raw image is what its file is`() throws {
        let image = try Self.made(["create -q -f raw out 1G"])
        #expect(try Self.inspect(image, as: .raw).virtualSize == Self.gib)
        #expect(Self.refusal(image, as: .raw, limit: Self.gib - 1)?.contains("are allowed") == true)
        #expect(Self.refusal(([], 0), as: .raw) == "it is empty")
        #expect(Self.refusal(([1, 2], 3), as: .raw)?.hasPrefix("the head is 2 bytes") == true)
    }

    @Test func `a sparse image of an absurd disk is refused by its size alone`() throws {
        let image = try Self.made(["create -q -f qcow2 -o cluster_size=2M out 1P"])
        #expect(image.size < 64 << 20)
        #expect(Self.refusal(image)?.hasPrefix("its disk has 1125899906842624 bytes") == true)
    }

    @Test(arguments: [
        (4, 4, 1, "version 1"), (4, 4, 4, "version 4"), (8, 8, 0x1000, "backing file"), (16, 4, 5, "backing file"),
        (20, 4, 8, "clusters"), (20, 4, 22, "clusters"), (20, 4, 0xffff_ffff, "clusters"), (32, 4, 1, "encrypted"),
        (60, 4, 1, "snapshots"), (36, 4, 0, "L1 table has 0 entries"), (36, 4, 0xffff_ffff, "L1 table"),
        (40, 8, 0x7fff_ffff_ffff_0000, "L1 table is not in the file"), (40, 8, 1, "L1 table is not in the file"),
        (48, 8, 0, "no reference counts"), (48, 8, 0xffff_0000, "reference counts is not in the file"),
        (56, 4, 0, "no reference counts"), (56, 4, 0xffff_ffff, "reference counts"), (72, 8, 4, "external data file"),
        (72, 8, 1, "not closed"), (72, 8, 2, "corrupt"), (72, 8, 1 << 5, "100000 in binary"),
        (72, 8, 1 << 62, "in binary"),
        (96, 4, 7, "wider than 64"), (100, 4, 96, "header has 96"), (100, 4, 105, "header has 105"),
        (100, 4, 0xffff_fff8, "header has"), (24, 8, 0x7fff_ffff_ffff_ffff, "are needed"),
        (112, 4, 0x4441_5441, "external data file"), (112, 4, 0xe279_2aca, "backing file"),
        (112, 4, 0x0537_be77, "encrypted"), (116, 4, 0xffff_fff0, "extensions"),
    ])
    func `a header with one number broken is refused for that`(offset: Int, length: Int, value: UInt64, reason: String)
        throws
    {
        var image = try Self.plain.get()
        #expect(Self.refusal(image) == nil)
        for place in 0..<length {
            image.head[offset + place] = UInt8(truncatingIfNeeded: value >> UInt64(8 * (length - 1 - place)))
        }
        let said = Self.refusal(image)
        #expect(said?.contains(reason) == true, "\(said ?? "accepted")")
    }

    @Test func `cut off or changed anywhere, nothing traps, and nothing that is taken has a way out of the file`()
        throws
    {
        var random = SeededGenerator(printedFor: "qcow2 headers")
        let image = try Self.plain.get()
        for end in 0..<112 {
            #expect(Self.refusal((Array(image.head[..<end]), UInt64(end))) != nil, "cut at \(end)")
        }
        for _ in 0..<20_000 {
            var head = image.head
            for _ in 0...Int.random(in: 0...3, using: &random) {
                head[Int.random(in: 0..<200, using: &random)] =
                    [0, 1, 0x7f, 0x80, 0xff, .random(in: 0...255, using: &random)]
                    .randomElement(using: &random) ?? 0
            }
            guard Self.refusal((head, image.size)) == nil else { continue }
            // Version 2 has no features.
            #expect(
                head[8..<20].allSatisfy { $0 == 0 } && head[32..<36].allSatisfy { $0 == 0 }
                    && (head[7] == 2 || head[79] & 4 == 0))
        }
    }
}
