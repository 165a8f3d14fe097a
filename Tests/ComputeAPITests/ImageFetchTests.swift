import Crypto
import Foundation
import Resources
import TestWebServers
import Testing
import Waiting

/// Images that the server fetches from web servers.
@Suite(.serialized) struct ImageFetchTests {
    private static let size = 5_000_000

    private static func create(_ name: String, _ url: String, in cloud: Cloud, sum: String? = nil) async throws {
        let bytes = WebServer.bytes(size)
        let digest =
            sum
            ?? SHA256.hash(data: bytes).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        let spec =
            #"{"format":"raw","architecture":"x86_64","size":\#(size),"sha256":"\#(digest)","minimumDiskGiB":1,"url":"\#(url)"}"#
        let made = try await cloud.curl("POST", Cloud.images, #"{"name":"\#(name)","spec":\#(spec)}"#)
        #expect(made.status == 201, "\(made.text)")
    }

    private static func wait(_ name: String, _ state: String, in cloud: Cloud) async throws -> String {
        var text = ""
        func isThere() async throws -> Bool {
            let image = try await cloud.curl("GET", Cloud.images + "/\(name)")
            text = image.text
            return image.text("status", "state") == state
        }
        try await eventually("\(name) is \(state)", { text }, within: .seconds(30), isThere)
        return text
    }

    @Test func `an image is fetched, and refused with the reason where it is not to be had`() async throws {
        try await WebServer.run { server in
            try await Cloud.run { cloud in
                try await Self.create("good", server.url("/redirect?to=/good"), in: cloud)
                _ = try await Self.wait("good", "ready", in: cloud)
                #expect(
                    try await cloud.curl("GET", Cloud.images + "/good/data").body == Data(WebServer.bytes(Self.size)))
                let push = try await cloud.curl("POST", Cloud.images + "/good/upload?offset=0", data: Data([1]))
                #expect(push.status == 409 && push.text.contains("spec.url"), "\(push.text)")

                try await Self.create("sum", server.url("/good"), in: cloud, sum: String(repeating: "0", count: 64))
                #expect(try await Self.wait("sum", "refused", in: cloud).contains("SHA-256"))
                let inside = "http://127.0.0.1:\(server.port)/good"
                try await Self.create("inside", inside, in: cloud)
                #expect(try await Self.wait("inside", "refused", in: cloud).contains("--image-source"))
                try await Self.create("around", server.url("/redirect?to=\(inside)"), in: cloud)
                #expect(try await Self.wait("around", "refused", in: cloud).contains("--image-source"))
                try await Self.create("absent", server.url("/absent"), in: cloud)
                #expect(try await Self.wait("absent", "refused", in: cloud).contains("404"))
                let kept = try FileManager.default.contentsOfDirectory(atPath: cloud.folder + "/compute/images")
                #expect(kept.count { $0.hasSuffix(".part") } == 0 && kept.count { $0.hasSuffix(".image") } == 1)

                let never = [
                    "file:///etc/shadow", "https://user:secret@example.com/image", "https://[fe80::1%25eth0]/image",
                    "https:///image", "https://:443/image", "https://example.com/image#part",
                ]
                for url in never {
                    let refused = try await cloud.curl(
                        "POST", Cloud.images,
                        #"{"name":"never","spec":{"format":"raw","architecture":"x86_64","size":512,"sha256":""#
                            + String(repeating: "0", count: 64) + #"","minimumDiskGiB":1,"url":"\#(url)"}}"#)
                    #expect(refused.status == 422 && refused.text.contains("spec.url"), "\(url): \(refused.text)")
                    #expect(!refused.text.contains("secret"), "\(refused.text)")
                }
            }
        }
    }

    @Test func `what was cut by the server's end goes on, and ends with the image`() async throws {
        try await WebServer.run { server in
            try await Cloud.run { cloud in
                try await Self.create("long", server.url("/trickle"), in: cloud)
                func received(_ name: String) async throws -> Int {
                    Int(try await cloud.curl("GET", Cloud.images + "/\(name)/upload").text("received") ?? "") ?? 0
                }
                // A piece is 4 MiB.
                try await eventually("some of it is there", within: .seconds(20)) { try await received("long") > 0 }
                cloud.stop("kc-compute", SIGKILL)
                try cloud.startCompute()
                try await cloud.ready()
                _ = try await Self.wait("long", "ready", in: cloud)
                try await Self.create("gone", server.url("/trickle"), in: cloud)
                try await eventually("some of it is there", within: .seconds(20)) { try await received("gone") > 0 }
                #expect(try await cloud.curl("DELETE", Cloud.images + "/gone").status == 204)
                #expect(try await cloud.curl("DELETE", Cloud.images + "/long").status == 204)
                try await eventually("its bytes are gone", within: .seconds(20)) {
                    try FileManager.default.contentsOfDirectory(atPath: cloud.folder + "/compute/images").allSatisfy {
                        !$0.hasSuffix(".part") && !$0.hasSuffix(".image")
                    }
                }
            }
        }
    }
}
