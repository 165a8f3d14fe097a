import Crypto
import Foundation
import Resources
import Testing
import Waiting

/// The bytes of images, over HTTP.
@Suite(.serialized) struct ImageRouteTests {
    @Test func `an image comes in pieces, goes on where it was cut, and is what it was`() async throws {
        try await Cloud.run { cloud in
            let bytes = Data((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) })
            try await cloud.image("big", bytes: bytes)
            let upload = Cloud.images + "/big/upload"
            #expect(try await cloud.curl("GET", upload).text("received") == "0")
            #expect(try await cloud.curl("GET", Cloud.images + "/big/data").status == 409)
            let first = try await cloud.curl("POST", upload + "?offset=0", data: bytes[0..<1_000_000])
            #expect(first.text("received") == "1000000", "\(first.text)")
            let wrong = try await cloud.curl("POST", upload + "?offset=1500000", data: bytes[1_500_000..<1_600_000])
            #expect(wrong.status == 409 && wrong.text("rule")?.contains("1000000") == true, "\(wrong.text)")
            // Numbers that nothing can be added to.
            for offset in [UInt64.max, UInt64.max - 999_999, UInt64(1 << 62)] {
                let far = try await cloud.curl("POST", upload + "?offset=\(offset)", data: bytes[0..<1_000_000])
                #expect(far.status == 409 && far.text("rule")?.contains("1000000") == true, "\(far.text)")
            }
            // Cut in the middle of a piece, by a server that dies: what was whole before is there.
            cloud.stop("kc-compute", SIGKILL)
            try cloud.startCompute()
            try await cloud.ready()
            let place = try #require(Int(try await cloud.curl("GET", upload).text("received") ?? ""))
            #expect(place == 1_000_000)
            // A piece whose answer was lost may come again.
            let again = try await cloud.curl("POST", upload + "?offset=0", data: bytes[0..<1_000_000])
            #expect(again.text("received") == "1000000", "\(again.text)")
            let last = try await cloud.curl("POST", upload + "?offset=\(place)", data: bytes[place...])
            #expect(last.text("state") == "ready", "\(last.text)")
            let whole = try await cloud.curl("GET", Cloud.images + "/big/data")
            #expect(whole.status == 200 && whole.body == bytes)
            let part = try await cloud.curl("GET", Cloud.images + "/big/data", headers: ["Range: bytes=999-1998"])
            #expect(part.status == 206 && part.body == bytes[999..<1999])
            #expect(part.headers["content-range"] == "bytes 999-1998/3000000")
            for (range, first) in [
                ("-5", 2_999_995), ("2999999-", 2_999_999), ("2999990-18446744073709551615", 2_999_990),
            ] {
                let end = try await cloud.curl("GET", Cloud.images + "/big/data", headers: ["Range: bytes=\(range)"])
                #expect(end.status == 206 && end.body == bytes[first...], "\(range)")
            }
            for range in ["3000000-", "18446744073709551615-", "-0"] {
                let none = try await cloud.curl("GET", Cloud.images + "/big/data", headers: ["Range: bytes=\(range)"])
                #expect(none.status == 416 && none.headers["content-range"] == "bytes */3000000", "\(range)")
            }
            for range in ["5-4", "+1-2", "0-0,2-3", "-", "18446744073709551616-"] {
                let all = try await cloud.curl("GET", Cloud.images + "/big/data", headers: ["Range: bytes=\(range)"])
                #expect(all.status == 200 && all.body == bytes, "\(range): no range, so all of it")
            }
            #expect(try await cloud.curl("DELETE", Cloud.images + "/big").status == 204)
            try await eventually("its bytes are gone") {
                try FileManager.default.contentsOfDirectory(atPath: cloud.folder + "/compute/images")
                    .allSatisfy { $0.hasPrefix(".") }
            }
        }
    }

    @Test func `what is not what its record says is refused, and gone`() async throws {
        try await Cloud.run { cloud in
            let bytes = Data(repeating: 7, count: 1024)
            try await cloud.image("other", bytes: bytes)
            let reply = try await cloud.curl(
                "POST", Cloud.images + "/other/upload?offset=0", data: Data(repeating: 8, count: 1024))
            #expect(reply.status == 422, "\(reply.text)")
            let image = try await cloud.curl("GET", Cloud.images + "/other")
            #expect(image.text("status", "state") == "refused", "\(image.text)")
            #expect(try await cloud.curl("GET", Cloud.images + "/other/upload").text("received") == "0")
            let beyond = try await cloud.curl(
                "POST", Cloud.images + "/other/upload?offset=0", data: Data(repeating: 8, count: 2048))
            #expect(beyond.status == 409, "\(beyond.text)")
            let large = try await cloud.curl(
                "POST", Cloud.images + "/other/upload?offset=0", data: Data(count: 9 << 20))
            #expect(large.status == 413, "\(large.text)")
            #expect(try await cloud.curl("POST", Cloud.images + "/other/upload", data: bytes).status == 422)
            // A qcow2 image that names a file of its host, called raw.
            var evil = Data("QFI".utf8) + Data([0xfb, 0, 0, 0, 3])
            evil.append(Data(count: 1024 - evil.count))
            try await cloud.image("evil", bytes: evil)
            let refused = try await cloud.curl("POST", Cloud.images + "/evil/upload?offset=0", data: evil)
            #expect(refused.status == 422, "\(refused.text)")
            // Beyond the store's quota of 1 GiB.
            let spec =
                #"{"format":"raw","architecture":"x86_64","size":2147483648,"sha256":"\#(String(repeating: "0", count: 64))","minimumDiskGiB":2}"#
            #expect(try await cloud.curl("POST", Cloud.images, #"{"name":"huge","spec":\#(spec)}"#).status == 201)
            let over = try await cloud.curl("POST", Cloud.images + "/huge/upload?offset=0", data: bytes)
            #expect(over.status == 409 && over.text("type") == "urn:kc:problem:quota-exceeded", "\(over.text)")
        }
    }

    @Test func `an image that would lead out of its file, is a billion holes, or another thing, is refused for that`()
        async throws
    {
        try await Cloud.run { cloud in
            func made(_ program: String, _ words: String...) throws -> Data {
                let process = Process()
                process.executableURL = URL(fileURLWithPath: program)
                process.arguments = words
                process.currentDirectoryURL = URL(fileURLWithPath: cloud.folder)
                process.standardOutput = FileHandle.nullDevice
                try process.run()
                process.waitUntilExit()
                try #require(process.terminationStatus == 0, "\(program) \(words)")
                return try Data(contentsOf: URL(fileURLWithPath: cloud.folder + "/made"))
            }
            let tool = "/usr/bin/qemu-img"
            let archive =
                "import tarfile; t = tarfile.open('made', 'w'); t.add('/etc/hostname', '../../etc/name'); t.close()"
            let cases: [(name: String, format: String, bytes: Data, reason: String)] = [
                ("holes", "qcow2", try made(tool, "create", "-f", "qcow2", "made", "1T"), "1073741824 are allowed"),
                (
                    "backing", "qcow2",
                    try made(tool, "create", "-f", "qcow2", "-u", "-b", "/etc/shadow", "-F", "raw", "made", "1M"),
                    "backing file"
                ),
                (
                    "data-file", "qcow2",
                    try made(tool, "create", "-f", "qcow2", "-o", "data_file=secret,data_file_raw=on", "made", "1M"),
                    "external data file"
                ),
                ("vmdk", "raw", try made(tool, "create", "-f", "vmdk", "made", "1M"), "begins as VMDK"),
                (
                    "flat-vmdk", "raw", Data("# Disk DescriptorFile\nRW 63 FLAT \"/etc/shadow\" 0\n".utf8),
                    "begins as VMDK"
                ),
                ("archive", "raw", try made("/usr/bin/python3", "-c", archive), "begins as tar"),
            ]
            for (name, format, bytes, reason) in cases {
                var bytes = bytes
                if bytes.count < 512 { bytes.append(Data(count: 512 - bytes.count)) }
                try await cloud.image(name, bytes: bytes, format: format)
                let reply = try await cloud.curl("POST", Cloud.images + "/\(name)/upload?offset=0", data: bytes)
                #expect(reply.status == 422 && reply.text.contains(reason), "\(name): \(reply.text)")
                let image = try await cloud.curl("GET", Cloud.images + "/\(name)")
                #expect(image.text("status", "state") == "refused" && image.text.contains(reason), "\(image.text)")
            }
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: cloud.folder + "/compute/images")
                    .allSatisfy { $0.hasPrefix(".") })
        }
    }
}
