import Crypto
import Foundation
import Resources
import Synchronization
import Testing
import Waiting

/// The real `kcd api` and `kc-compute api`, as processes of their own that share a folder.
final class Cloud: Sendable {
    let folder: String
    /// As root, through `kcd api`.
    let curl: Curl
    private let processes = Mutex<[String: Process]>([:])

    var computeSocket: String { folder + "/compute.sock" }
    /// Past `kcd api`.
    var direct: Curl { Curl(socket: computeSocket) }

    private init(_ folder: String) {
        self.folder = folder
        curl = Curl(socket: folder + "/api.sock")
    }

    static func run(_ body: (Cloud) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/kc-cloud-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        let cloud = Cloud(folder)
        defer {
            for name in ["kcd", "kc-compute"] { cloud.stop(name, SIGKILL) }
            // What cannot be removed stays in the system's temporary folder.
            try? FileManager.default.removeItem(atPath: folder)
        }
        try cloud.startNetwork()
        try cloud.startCompute()
        try await cloud.ready()
        try await body(cloud)
    }

    func ready() async throws {
        try await eventually("kcd is ready") { try await curl("GET", "/readyz").status == 200 }
        try await eventually("kc-compute is ready") { try await curl("GET", "/compute/readyz").status == 200 }
    }

    func startNetwork() throws {
        try start(
            "kcd",
            [
                "api", "--state-dir", folder + "/state", "--socket", folder + "/api.sock", "--compute-socket",
                computeSocket, "--log-level", "error",
            ])
    }

    func startCompute() throws {
        try start(
            "kc-compute",
            [
                "api", "--state-dir", folder + "/compute", "--socket", computeSocket, "--api",
                "unix:" + folder + "/api.sock", "--image-quota", "1", "--image-source", "::1/128", "--log-level",
                "warning",
            ])
    }

    /// How a second `kc-compute api` with those folders ends, which are inside this one's.
    func second(state: String, socket: String) throws -> Int32 {
        let process = try start(
            "kc-compute",
            [
                "api", "--state-dir", folder + "/" + state, "--socket", folder + "/" + socket, "--api",
                "unix:" + folder + "/api.sock", "--log-level", "critical",
            ], as: "second")
        defer { stop("second", SIGKILL) }
        process.waitUntilExit()
        return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }

    @discardableResult
    private func start(_ program: String, _ arguments: [String], as name: String? = nil) throws -> Process {
        let process = Process()
        let beside = (CommandLine.arguments[0] as NSString).deletingLastPathComponent
        process.executableURL = URL(filePath: beside + "/" + program)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        try process.run()
        processes.withLock { $0[name ?? program] = process }
        return process
    }

    func stop(_ program: String, _ signal: Int32 = SIGTERM) {
        guard let process = processes.withLock({ $0.removeValue(forKey: program) }) else { return }
        if process.isRunning { kill(process.processIdentifier, signal) }
        process.waitUntilExit()
    }

    // MARK: things that most tests need

    static let images = "/compute/v1/projects/default/images"
    static let vms = "/compute/v1/projects/default/vms"

    /// A raw image of that size, uploaded.
    func image(_ name: String, bytes: Data, format: String = "raw") async throws {
        let digest = SHA256.hash(data: bytes).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        let spec =
            #"{"format":"\#(format)","architecture":"x86_64","size":\#(bytes.count),"sha256":"\#(digest)","minimumDiskGiB":1}"#
        let made = try await curl("POST", Self.images, #"{"name":"\#(name)","spec":\#(spec)}"#)
        #expect(made.status == 201, "\(made.text)")
    }

    func upload(_ name: String, bytes: Data) async throws {
        try await image(name, bytes: bytes)
        let reply = try await curl("POST", Self.images + "/\(name)/upload?offset=0", data: bytes)
        #expect(reply.status == 200 && reply.text("state") == "ready", "\(reply.text)")
    }

    /// KC's host, its segment, its compute host with room, a machine type, and an image.
    func furnish() async throws {
        #expect(
            try await curl(
                "POST", "/v1/hosts", #"{"name":"h1","spec":{"vtep":"2001:db8::1","interface":"eth0"}}"#
            ).status == 201)
        #expect(
            try await curl("POST", "/v1/projects/default/segments", #"{"name":"blue","spec":{"ipam":"manual"}}"#)
                .status == 201)
        let host = try await curl("POST", "/compute/v1/compute-hosts", #"{"name":"c1","spec":{"host":"h1"}}"#)
        #expect(host.status == 201, "\(host.text)")
        let report = #"{"architecture":"x86_64","capacity":{"cpus":8,"memoryMiB":16384,"diskGiB":100},"kvm":false}"#
        #expect(try await curl("PUT", "/compute/v1/nodes/c1/report", report).status == 204)
        let type = try await curl(
            "POST", "/compute/v1/machine-types",
            #"{"name":"small","spec":{"architecture":"x86_64","cpus":{"minimum":1,"maximum":4,"default":1},"memoryMiB":512,"diskGiB":4}}"#
        )
        #expect(type.status == 201, "\(type.text)")
        try await upload("debian", bytes: Data((0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 31) }))
    }

    func vm(_ name: String, _ more: String = "") async throws -> Reply {
        try await curl(
            "POST", Self.vms, #"{"name":"\#(name)","spec":{"machineType":"small","image":"debian"\#(more)}}"#)
    }

    /// The attachments of the project, by name.
    func attachments() async throws -> [String: JSONNode] {
        let reply = try await curl("GET", "/v1/projects/default/attachments?consistent=true")
        guard case .array(let items)? = try reply.json?["items"]?.content else { return [:] }
        return Dictionary(items.map { ($0["name"]?.string ?? "", $0) }) { $1 }
    }
}
