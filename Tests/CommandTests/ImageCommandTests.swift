import Crypto
import Foundation
import Resources
import TestWebServers
import Testing
import Waiting

/// Images on their way through `kc`: real files, the real servers.
@Suite(.serialized) struct `kc image` {

    @Test func `a file becomes an image, the same again sends nothing, and what comes back is the same`() async throws {
        try await Cloud.with(compute: true) { cloud in
            let file = try cloud.image("disk.img", mebibytes: 20)
            var run = try await cloud.kc("image", "upload", "disk", file, "--label", "os=none")
            #expect(run.status == 0 && run.output.contains("ready") && run.output.contains("20.0 MiB"), "\(run)")
            run = try await cloud.kc("image", "upload", "disk", file)
            #expect(run.status == 0, "\(run)")
            #expect(try await cloud.kc("image", "history", "disk").lines.count == 2)

            let back = "\(cloud.folder)/back.img"
            run = try await cloud.kc("image", "download", "disk", back)
            #expect(run.status == 0 && run.output.contains("checked"), "\(run)")
            #expect(try Data(contentsOf: URL(filePath: back)) == Data(contentsOf: URL(filePath: file)))
            #expect(!FileManager.default.fileExists(atPath: back + ".part"))
            run = try await cloud.kc("image", "download", "disk", back)
            #expect(run.status == 2 && run.errors.contains("there already"), "\(run)")

            // The first half is there already; and what is there is not trusted.
            try FileManager.default.removeItem(atPath: back)
            try Data(contentsOf: URL(filePath: file)).prefix(9 << 20).write(to: URL(filePath: back + ".part"))
            #expect(try await cloud.kc("image", "download", "disk", back).status == 0)
            try FileManager.default.removeItem(atPath: back)
            try Data(repeating: 7, count: 9 << 20).write(to: URL(filePath: back + ".part"))
            run = try await cloud.kc("image", "download", "disk", back)
            #expect(run.status == 1 && run.errors.contains("SHA-256"), "\(run)")
            #expect(!FileManager.default.fileExists(atPath: back))

            let other = try cloud.image("other.img", mebibytes: 1)
            run = try await cloud.kc("image", "upload", "disk", other)
            #expect(run.status == 4 && run.errors.contains("another name"), "\(run)")
        }
    }

    @Test func `an upload that is cut goes on where it stopped`() async throws {
        try await Cloud.with(compute: true) { cloud in
            let file = try cloud.image("disk.img", mebibytes: 96)
            let process = try cloud.startKC("image", "upload", "disk", file)
            try await eventually { (try await cloud.received("disk")) > 0 }
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            let there = try await cloud.received("disk")
            let list = try await cloud.kc("image", "list")
            if there < 96 << 20 { #expect(list.output.contains("uploading"), "\(list)") }
            let run = try await cloud.kc("image", "upload", "disk", file)
            #expect(run.status == 0 && run.output.contains("ready"), "\(run)")
            #expect(try await cloud.kc("image", "history", "disk").lines.count == 2)
        }
    }

    @Test func `an upload outlives the server that takes it`() async throws {
        try await Cloud.with { cloud in
            var server = try cloud.serveCompute()
            func end() {
                kill(server.processIdentifier, SIGKILL)
                server.waitUntilExit()
            }
            defer { end() }
            try await eventually { try await cloud.kc("type", "list").status == 0 }
            let file = try cloud.image("disk.img", mebibytes: 96)
            let process = try cloud.startKC("image", "upload", "disk", file)
            defer { process.terminate() }
            try await eventually { (try await cloud.received("disk")) > 0 }
            end()
            #expect(try await cloud.kc("type", "list").status == 6)
            server = try cloud.serveCompute()
            try await eventually("the upload has ended", within: .seconds(60)) { !process.isRunning }
            #expect(process.terminationStatus == 0)
            let run = try await cloud.kc("image", "list")
            #expect(run.lines.count == 2 && run.output.contains("ready"), "\(run)")
        }
    }

    @Test func `what is no image is refused before a byte is sent`() async throws {
        try await Cloud.with(compute: true) { cloud in
            let cases: [(name: String, head: [UInt8], words: String)] = [
                ("vmdk", Array("KDMV".utf8), "VMDK"), ("empty", [], "empty"),
                (
                    "backed", [0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 9],
                    "cannot be an image"
                ),
            ]
            for (name, head, words) in cases {
                let path = "\(cloud.folder)/\(name).img"
                var bytes = Data(head)
                if !head.isEmpty { bytes.append(Data(repeating: 0, count: 4096)) }
                try bytes.write(to: URL(filePath: path))
                let run = try await cloud.kc("image", "upload", name, path)
                #expect(run.status == 2 && run.errors.contains(words) && run.errors.contains("next:"), "\(run)")
                // Nothing can be converted out of nothing.
                #expect(run.errors.contains("qemu-img") == !head.isEmpty, "\(run)")
            }
            #expect(try await cloud.kc("image", "list").lines.isEmpty)
        }
    }

    @Test func `the server fetches an image, says how far it is, and refuses what is not what it was said to be`()
        async throws
    {
        try await WebServer.run { server in
            try await Cloud.with(compute: true) { cloud in
                let size = 5_000_000
                let sum = SHA256.hash(data: WebServer.bytes(size)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
                    .joined()
                func create(_ name: String, _ words: String...) async throws -> Cloud.Outcome {
                    try await Cloud.run(
                        "kc", ["image", "create", name, "--size", "\(size)", "--sha256", sum] + words, input: nil,
                        environment: ["KC_API": "unix:\(cloud.socket)", "HOME": cloud.folder], folder: cloud.folder)
                }
                let slow = server.url("/trickle")
                var run = try await create("slow", "--url", slow)
                #expect(run.status == 2 && run.errors.contains("--format"), "\(run)")
                run = try await create("slow", "--url", slow, "--format", "qcow2")
                #expect(run.status == 2 && run.errors.contains("--minimum-disk"), "\(run)")
                run = try await create("slow", "--url", "file:///etc/shadow", "--format", "raw")
                #expect(run.status == 2 && run.errors.contains("spec.url"), "\(run)")
                run = try await create("slow", "--url", slow, "--format", "raw", "--wait=1")
                #expect(run.status == 7 && run.errors.contains("it is being fetched"), "\(run)")
                try await eventually("the list says how far it is") {
                    let list = try await cloud.kc("image", "list").output
                    return list.contains("being fetched, ") || list.contains("ready")
                }
                run = try await create("slow", "--url", slow, "--format", "raw", "--wait=30")
                #expect(run.status == 0 && run.output.contains("ready") && run.output.contains("4.7 MiB"), "\(run)")
                #expect(try await cloud.kc("image", "history", "slow").lines.count == 2)
                run = try await create("slow", "--url", server.url("/good"), "--format", "raw")
                #expect(run.status == 4 && run.errors.contains("another"), "\(run)")

                run = try await create("absent", "--url", server.url("/absent"), "--format", "raw", "--wait=30")
                #expect(run.status == 1 && run.errors.contains("404"), "\(run)")
                let inside = "http://127.0.0.1:\(server.port)/good.raw"
                run = try await create("inside", "--url", inside, "--wait=30")
                #expect(run.status == 1 && run.errors.contains("--image-source"), "\(run)")
            }
        }
    }

    @Test func `a disk that is full in the middle of an upload is said, and the upload goes on when there is room`()
        async throws
    {
        try await Cloud.with { cloud in
            let images = "\(cloud.folder)/compute/images"
            try FileManager.default.createDirectory(atPath: images, withIntermediateDirectories: true)
            try #require(mount("tmpfs", images, "tmpfs", 0, "size=12m") == 0, "mount: errno \(errno)")
            defer { umount2(images, Int32(MNT_DETACH)) }
            let server = try cloud.serveCompute()
            defer {
                kill(server.processIdentifier, SIGKILL)
                server.waitUntilExit()
            }
            try await eventually { try await cloud.kc("type", "list").status == 0 }
            let file = try cloud.image("disk.img", mebibytes: 20)
            var run = try await cloud.kc("image", "upload", "disk", file)
            #expect(run.status != 0 && run.errors.contains("disk for images is full"), "\(run)")
            // The first piece, and nothing of the second.
            #expect(try await cloud.received("disk") == 8 << 20)
            #expect(try await cloud.kc("image", "list").output.contains("uploading, 40 %"))
            try #require(mount("tmpfs", images, "tmpfs", UInt(MS_REMOUNT), "size=40m") == 0, "mount: errno \(errno)")
            run = try await cloud.kc("image", "upload", "disk", file)
            #expect(run.status == 0 && run.output.contains("ready"), "\(run)")
            #expect(try await cloud.kc("image", "history", "disk").lines.count == 2)
        }
    }

    @Test func `an image that a VM uses is not deleted, and says which`() async throws {
        try await Cloud.with(compute: true) { cloud in
            try await cloud.furnish()
            var run = try await cloud.kc(
                "vm", "create", "web", "--image", "debian", "--type", "small", "--network", "blue", "--power", "off")
            #expect(run.status == 0, "\(run)")
            run = try await cloud.kc("image", "delete", "debian")
            #expect(run.status == 4 && run.errors.contains("web"), "\(run)")
            #expect(try await cloud.kc("image", "list").output.contains("ready"))
            #expect(try await cloud.kc("vm", "delete", "web").status == 0)
            run = try await cloud.kc("image", "delete", "debian")
            #expect(run.status == 0, "\(run)")
        }
    }
}
