import Foundation
import Resources
import Testing
import Waiting

/// Directories that become images, and images that become others on their way.
@Suite(.serialized) struct `kc image import` {
    @Test func `a directory is imported: names, checksums, what is wrong, and nothing twice`() async throws {
        try await Cloud.with(compute: true) { cloud in
            let folder = "\(cloud.folder)/images"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
            _ = try cloud.image("images/Debian_12.raw", mebibytes: 1)
            _ = try cloud.image("images/other.img", mebibytes: 2)
            _ = try cloud.write("images/README.txt", "not an image")
            _ = try cloud.write("images/SHA256SUMS", String(repeating: "0", count: 64) + "  other.img\n")
            var run = try await cloud.kc("image", "import", folder)
            #expect(run.lines == ["image debian-12 uploaded (raw, 1.0 MiB)"], "\(run)")
            #expect(run.status == 1 && run.errors.contains("SHA256SUMS"), "\(run)")
            try FileManager.default.removeItem(atPath: folder + "/SHA256SUMS")
            run = try await cloud.kc("image", "import", folder)
            #expect(
                run.lines == [
                    "image debian-12 there already (raw, 1.0 MiB)", "image other uploaded (raw, 2.0 MiB)",
                ], "\(run)")
            #expect(run.status == 0)
            // Over the quota of 1 GiB: said, and nothing else is hurt.
            #expect(truncate(try cloud.image("huge.img", mebibytes: 1), 2 << 30) == 0)
            run = try await cloud.kc("image", "upload", "huge", "\(cloud.folder)/huge.img")
            #expect(run.status != 0 && run.errors.contains("may not have more"), "\(run)")
        }
    }

    @Test func `of a directory nothing but its own files becomes an image, and it is left as it was`() async throws {
        try await Cloud.with(compute: true) { cloud in
            let folder = "\(cloud.folder)/images"
            try FileManager.default.createDirectory(atPath: folder + "/inside", withIntermediateDirectories: true)
            _ = try cloud.image("images/good.raw", mebibytes: 1)
            _ = try cloud.image("images/inside/deep.raw", mebibytes: 1)
            _ = try cloud.image("images/Twin.raw", mebibytes: 1)
            _ = try cloud.image("images/twin.img", mebibytes: 2)
            let secret = try cloud.image("secret", mebibytes: 3)
            try FileManager.default.createSymbolicLink(atPath: folder + "/link.raw", withDestinationPath: secret)
            try FileManager.default.createSymbolicLink(atPath: folder + "/up.raw", withDestinationPath: "../secret")
            try FileManager.default.createSymbolicLink(atPath: folder + "/loop", withDestinationPath: "..")
            try #require(mkfifo(folder + "/pipe.raw", 0o600) == 0)
            let script = """
                import socket, tarfile
                socket.socket(socket.AF_UNIX).bind("\(folder)/socket.raw")
                t = tarfile.open("\(folder)/archive.img", "w"); t.add("/etc/hostname", "../../etc/name"); t.close()
                """
            let made = try Process.run(URL(filePath: "/usr/bin/python3"), arguments: ["-c", script])
            made.waitUntilExit()
            try #require(made.terminationStatus == 0)
            _ = try cloud.write("images/...raw", "a name of dots")
            _ = try cloud.write("images/SHA256SUMS", String(repeating: "0", count: 64) + "  ../secret\n")
            let before = try FileManager.default.subpathsOfDirectory(atPath: folder).sorted()
            for (word, count) in [("uploaded", 2), ("there already", 2)] {
                let run = try await cloud.kc("image", "import", folder)
                #expect(run.lines == ["image good \(word) (raw, 1.0 MiB)"], "\(run)")
                #expect(run.status == 2)
                for (file, why) in [
                    ("link.raw", "is a link"), ("up.raw", "is a link"), ("loop", "is a link"),
                    ("pipe.raw", "no regular file"), ("socket.raw", "No such device"),
                    ("archive.img", "begins as tar"), ("Twin.raw", "would both be twin"),
                    ("twin.img", "would both be twin"),
                ] {
                    let said = run.errors.split(separator: "\n").filter {
                        $0.contains("/\(file) ") || $0.contains("/\(file):")
                    }
                    #expect(said.contains { $0.contains(why) }, "\(file): \(run.errors)")
                }
                #expect(try await cloud.kc("image", "list").lines.count == count)
            }
            #expect(try FileManager.default.subpathsOfDirectory(atPath: folder).sorted() == before)
        }
    }

    @Test func `a file that is written to while it is read is noticed`() async throws {
        try await Cloud.with(compute: true) { cloud in
            let folder = "\(cloud.folder)/images"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
            let file = try cloud.image("images/growing.raw", mebibytes: 64)
            let script = """
                import time
                file = open("\(file)", "r+b", buffering=0)
                while True:
                    file.seek(0); file.write(bytes([time.monotonic_ns() >> 20 & 255])); time.sleep(0.001)
                """
            let writer = try Process.run(URL(filePath: "/usr/bin/python3"), arguments: ["-c", script])
            defer {
                kill(writer.processIdentifier, SIGKILL)
                writer.waitUntilExit()
            }
            let start = try FileManager.default.attributesOfItem(atPath: file)[.modificationDate] as? Date
            try await eventually("somebody writes") {
                try FileManager.default.attributesOfItem(atPath: file)[.modificationDate] as? Date != start
            }
            let run = try await cloud.kc("image", "import", folder)
            #expect(run.status == 1 && run.errors.contains("was written to while it was read"), "\(run)")
            #expect(try await cloud.kc("image", "list").lines.isEmpty)
        }
    }

    @Test func `an image is converted on its way, the same each time, and nothing of it stays here`() async throws {
        try await Cloud.with(compute: true) { cloud in
            func tool(_ words: String...) throws {
                let process = try Process.run(URL(filePath: "/usr/bin/qemu-img"), arguments: words)
                process.waitUntilExit()
                try #require(process.terminationStatus == 0, "qemu-img \(words)")
            }
            func upload(_ name: String, _ file: String, _ format: String) async throws -> Cloud.Outcome {
                try await cloud.kc(
                    "image", "upload", name, file, "--convert", format, environment: ["TMPDIR": cloud.folder])
            }
            chmod(cloud.folder, 0o711)
            let raw = try cloud.image("one.raw", mebibytes: 3)
            #expect(truncate(raw, 20 << 20) == 0)
            for _ in 1...2 {
                let run = try await upload("one", raw, "qcow2")
                #expect(run.status == 0 && run.output.contains("qcow2") && run.output.contains("ready"), "\(run)")
            }
            #expect(try await cloud.kc("image", "history", "one").lines.count == 2)
            let back = "\(cloud.folder)/back.qcow2"
            #expect(try await cloud.kc("image", "download", "one", back).status == 0)
            try tool("compare", "-q", "-f", "qcow2", "-F", "raw", back, raw)
            var run = try await upload("two", back, "raw")
            #expect(run.status == 0 && run.output.contains("raw") && run.output.contains("20.0 MiB"), "\(run)")
            #expect(try await cloud.kc("image", "download", "two", "\(cloud.folder)/back.raw").status == 0)
            #expect(
                try Data(contentsOf: URL(filePath: "\(cloud.folder)/back.raw")) == Data(contentsOf: URL(filePath: raw)))
            // What names another file is refused before qemu-img sees it.
            let backed = "\(cloud.folder)/backed.qcow2"
            try tool("create", "-q", "-f", "qcow2", "-b", raw, "-F", "raw", backed)
            run = try await upload("three", backed, "raw")
            #expect(run.status == 2 && run.errors.contains("backing file"), "\(run)")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: cloud.folder).allSatisfy {
                    !$0.hasPrefix("kc-convert")
                })
        }
    }
}
