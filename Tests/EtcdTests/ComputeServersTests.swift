import Crypto
import Foundation
import Glibc
import LinuxProcesses
import SeededRandomness
import Synchronization
import Testing
import Waiting

/// Two `kc-compute api` over one etcd, with one directory of images, beside a `kcd api`.
@Suite struct ComputeServersTests {
    @Test(.timeLimit(.minutes(3)))
    func `compute servers over one etcd share records, images and hosts, and never promise a host twice`() async throws
    {
        try await TestEtcd.with { etcd in
            let network = try Server(0, etcd)
            defer { network.kill9() }
            try await eventually("kcd serves", network.log, within: .seconds(60)) {
                network.ask("GET", "/readyz").status == 200
            }
            let servers = try (1...2).map { try Server(computeNumber: $0, etcd, network, images: "images") }
            defer { for server in servers { server.kill9() } }
            for server in servers {
                try await eventually("server \(server.number) serves", server.log, within: .seconds(60)) {
                    server.ask("GET", "/compute/readyz").status == 200
                }
            }
            try await offer(network, servers)
            try await place(servers)
            // Another directory is refused: half of the images would be missing there.
            let third = try Server(computeNumber: 3, etcd, network, images: "elsewhere")
            defer { third.kill9() }
            try await eventually("the third server ends with the reason", third.log, within: .seconds(30)) {
                third.log().contains("--image-dir")
            }
        }
    }

    /// A host of 8 CPUs, a machine type, and an image of which each server is brought a part.
    private func offer(_ network: Server, _ servers: [Server]) async throws {
        func make(_ path: String, _ body: String, _ server: Server) {
            let made = server.ask("POST", path, body)
            #expect(made.status == 201, "\(path): \(made)")
        }
        make("/v1/hosts", #"{"name":"h1","spec":{"vtep":"2001:db8::1","interface":"eth0"}}"#, network)
        make(
            "/compute/v1/compute-hosts",
            #"{"name":"c1","spec":{"host":"h1","overcommit":{"cpuPercent":100},"reserved":{"cpus":0,"memoryMiB":0,"diskGiB":0}}}"#,
            servers[0])
        let report = #"{"architecture":"x86_64","capacity":{"cpus":8,"memoryMiB":65536,"diskGiB":1000},"kvm":false}"#
        #expect(servers[1].ask("GET", "/compute/v1/compute-hosts/c1?consistent=true").status == 200)
        #expect(servers[1].ask("PUT", "/compute/v1/nodes/c1/report", report).status == 204)
        make(
            "/compute/v1/machine-types",
            #"{"name":"small","spec":{"architecture":"x86_64","cpus":1,"memoryMiB":512,"diskGiB":4}}"#, servers[0])
        let bytes = String(repeating: "kc", count: 1000)
        let digest = SHA256.hash(data: Data(bytes.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let images = "/compute/v1/projects/default/images"
        make(
            images,
            #"{"name":"debian","spec":{"format":"raw","architecture":"x86_64","size":2000,"sha256":"\#(digest)","minimumDiskGiB":1}}"#,
            servers[0])
        let first = servers[0].ask("POST", images + "/debian/upload?offset=0", String(bytes.prefix(700)))
        #expect(first.body.contains("700"), "\(first)")
        #expect(servers[1].ask("GET", images + "/debian?consistent=true").status == 200)
        let last = servers[1].ask("POST", images + "/debian/upload?offset=700", String(bytes.dropFirst(700)))
        #expect(last.body.contains("ready"), "\(last)")
        for server in servers {
            #expect(server.ask("GET", images + "/debian?consistent=true").body.contains("ready"))
            #expect(server.ask("GET", images + "/debian/data").body == bytes, "server \(server.number)")
        }
    }

    /// Many want the last room at the same time, at both.
    private func place(_ servers: [Server]) async throws {
        let vms = "/compute/v1/projects/default/vms"
        try await eventually("both servers know the type", within: .seconds(10)) {
            servers.allSatisfy { $0.ask("GET", "/compute/v1/machine-types/small").status == 200 }
        }
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<24 {
                group.addTask {
                    let name = number < 20 ? "vm\(number)" : "twice\(number / 2)"
                    let made = servers[number % 2].ask(
                        "POST", vms, #"{"name":"\#(name)","spec":{"machineType":"small","image":"debian"}}"#)
                    #expect(made.status == 201 || made.status == 409 && number >= 20, "\(made)")
                }
            }
        }
        for server in servers {
            let list = server.ask("GET", vms + "?consistent=true&limit=500")
            let items = try #require(list.items)
            #expect(items.count == 22)
            #expect(items.count { $0["host"] != nil } == 8, "server \(server.number)")
            let host = server.ask("GET", "/compute/v1/compute-hosts/c1?consistent=true")
            #expect(host.body.contains(#""vms":8"#), "\(host)")
        }
    }
}

extension Server {
    /// A `kc-compute api` that is a client of `network`.
    convenience init(computeNumber number: Int, _ etcd: TestEtcd, _ network: Server, images: String) throws {
        try self.init(number, etcd, program: "kc-compute") { folder in
            ["--api", "unix:\(network.socket)", "--image-dir", "\(etcd.folder)/\(images)"]
        }
    }
}

extension Server.Answer {
    /// The status of each item of a list.
    fileprivate var items: [[String: Any]]? {
        // A body that is no object has no members.
        let object = try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any]
        return (object?["items"] as? [[String: Any]])?.map { $0["status"] as? [String: Any] ?? [:] }
    }
}
