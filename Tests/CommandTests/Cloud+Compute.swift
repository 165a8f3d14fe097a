import APIClient
import Foundation
import Resources
import Testing

extension Cloud {
    /// KC's host, its segment, its compute host with room, a machine type, and an image: all by commands, but for what a
    /// host would say of itself.
    func furnish() async throws {
        let file = try image("debian.img", mebibytes: 1)
        for (program, arguments) in [
            ("kcnet", ["host", "create", "h1", "--vtep", "fd00::1", "--interface", "eth0"]),
            ("kcnet", ["segment", "create", "blue", "--ipam", "manual"]),
            ("kc", ["host", "create", "c1", "--host", "h1"]),
            (
                "kc",
                [
                    "type", "create", "small", "--architecture", "x86_64", "--cpus", "1-4", "--memory", "512", "--disk",
                    "4",
                ]
            ),
            ("kc", ["image", "upload", "debian", file]),
        ] {
            let run = try await Self.run(
                program, arguments, input: nil, environment: ["KC_API": "unix:\(socket)", "HOME": folder],
                folder: folder)
            #expect(run.status == 0, "\(program) \(arguments): \(run)")
        }
        try await ask(
            .put, ["nodes", "c1", "report"],
            #"{"architecture":"x86_64","capacity":{"cpus":8,"memoryMiB":16384,"diskGiB":100},"kvm":false}"#)
    }

    /// Says of a VM what its host would say: that it is so, as its document demands now.
    func say(_ state: String, of vm: String) async throws {
        let shown = try await kc("vm", "show", vm, "--output", "json").json()
        let id = try #require(shown["id"]?.string)
        let generation = try #require(shown["generation"]?.displayed)
        try await ask(
            .put, ["nodes", "c1", "vms", id, "report"],
            #"{"state":"\#(state)","generation":\#(generation),"since":"2027-01-01T00:00:00Z","conditions":[]}"#)
    }

    /// Bytes of an image that the server has; 0 for one that it does not know.
    func received(_ image: String) async throws -> UInt64 {
        let client = try APIClient(endpoint: Endpoint(parsing: "unix:\(socket)"))
        let images = ResourceCollection(
            KindName("image", plural: "images", isInProject: true, service: "compute"), project: "default")
        let result: Result<UInt64, any Error>
        do { result = .success(try await client.imageProgress(images, image).received) } catch {
            result = .failure(error)
        }
        await client.shutdown()
        do { return try result.get() } catch let problem as APIProblem where problem.status == 404 { return 0 }
    }

    /// A raw image that is no two times the same within itself.
    func image(_ name: String, mebibytes: Int) throws -> String {
        let path = "\(folder)/\(name)"
        var state = UInt64(mebibytes)
        var words = [UInt64](repeating: 0, count: mebibytes << 17)
        for index in words.indices {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            words[index] = state
        }
        try words.withUnsafeBytes { Data($0) }.write(to: URL(filePath: path))
        return path
    }

    func startKC(_ arguments: String...) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "\(Self.programs)/kc")
        process.arguments = arguments
        process.environment = ["KC_API": "unix:\(socket)", "HOME": folder, "PATH": "/usr/bin:/bin"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    private func ask(_ method: APIRequest.Method, _ path: [String], _ body: String) async throws {
        let client = try APIClient(endpoint: Endpoint(parsing: "unix:\(socket)"))
        do { _ = try await client.send(APIRequest(method, ["compute", "v1"] + path, body: Array(body.utf8))) } catch {
            await client.shutdown()
            throw error
        }
        await client.shutdown()
    }
}

extension JSONNode {
    /// A number as it stands.
    var displayed: String { string ?? String(decoding: raw, as: UTF8.self) }
}
