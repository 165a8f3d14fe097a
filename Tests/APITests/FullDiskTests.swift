import Foundation
import Resources
import Testing
import Waiting

@Suite(.serialized) struct FullDiskTests {
    /// The program beside the test bundle.
    private var program: String { (CommandLine.arguments[0] as NSString).deletingLastPathComponent + "/kcd" }

    /// A server whose state lies on a small tmpfs of its own mount namespace, half of it taken by a file `filler`.
    private func start(_ folder: String) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/unshare")
        process.arguments = [
            "--mount", "bash", "-c",
            """
            mount -t tmpfs -o size=16m tmpfs "$0" && head -c 8M /dev/zero >"$0/filler" || exit 3
            exec "$1" api --state-dir "$0" --socket "$2" --log-level error
            """, folder + "/state", program, folder + "/api.sock",
        ]
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    @Test func `a full disk refuses writes with 507, goes on reading, and recovers when there is room`() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/kc-full-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder + "/state", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }  // else it stays in the system's temporary folder
        let server = try start(folder)
        defer {
            if server.isRunning { kill(server.processIdentifier, SIGKILL) }
            server.waitUntilExit()
        }
        let curl = Curl(socket: folder + "/api.sock")
        let path = "/v1/projects/default/attachments"
        try await eventually("the server is ready") { try await curl("GET", "/readyz").status == 200 }
        #expect(
            try await curl("POST", "/v1/projects/default/segments", #"{"name":"a","spec":{"ipam":"none"}}"#).status
                == 201)

        func body(_ number: Int) -> String {
            #"{"name":"p\#(number)","annotations":{"x":"\#(String(repeating: "y", count: 60_000))"},"spec":{"segment":"a"}}"#
        }
        var acknowledged = 0
        var refusal: Reply?
        while refusal == nil, acknowledged < 500 {
            let reply = try await curl("POST", path, body(acknowledged))
            if reply.status == 201 { acknowledged += 1 } else { refusal = reply }
        }
        #expect(acknowledged > 5)
        #expect(refusal?.status == 507)
        #expect(refusal?.body.contains("urn:kc:problem:store-full") == true)

        let list = try await curl("GET", path + "?limit=1000&consistent=true")
        guard case .array(let items)? = try list.json?["items"]?.content else {
            Issue.record("reads stopped with the disk full: \(list.status)")
            return
        }
        #expect(items.count == acknowledged)

        try FileManager.default.removeItem(atPath: "/proc/\(server.processIdentifier)/root\(folder)/state/filler")
        #expect(try await curl("POST", path, body(acknowledged)).status == 201)
        #expect(try await curl("GET", path + "/p\(acknowledged)").status == 200)
        #expect(server.isRunning)
    }
}
