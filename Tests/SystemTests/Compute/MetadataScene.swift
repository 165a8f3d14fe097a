import APIClient
import Addressing
import FoundationEssentials
import Laboratory
import NetworkModel
import Resources
import Testing

/// `topology/metadata` with the compute service, and the metadata service on the gateway's host.
struct MetadataScene {
    let system: System

    static let warnings = ["proxy-", "ended", "cannot be looked at", "is not told who it is", "the zone"]

    /// `kc-compute api` beside the API, `kc-compute metadata` beside the gateway, and one compute host there.
    static func begin(in system: System) async throws -> MetadataScene {
        let scene = MetadataScene(system: system)
        try scene.startService()
        try system.machine("h1").start(
            role: "metadata", scene.program, ["metadata", "--log-level", "debug"])
        try await system.eventually("kc-compute api answers") {
            try await scene.ask(.get, ["compute-hosts"])
            return true
        }
        try await scene.ask(
            .post, ["compute-hosts"],
            #"{"name":"c1","spec":{"host":"h1","reserved":{"cpus":0,"memoryMiB":0,"diskGiB":0}}}"#)
        try await scene.ask(
            .post, ["machine-types"],
            #"{"name":"small","spec":{"architecture":"x86_64","cpus":1,"memoryMiB":{"minimum":256,"maximum":512,"default":256},"diskGiB":2,"firmware":"bios"}}"#
        )
        try await system.eventually("the gateway reaches the service") {
            try await system.phase(GuestService.kind, "metadata") == "wired"
        }
        return scene
    }

    private var program: String { "\(system.programs.folder)/kc-compute" }

    func startService() throws {
        try system.machine("api").start(role: "compute-api", program, ["api", "--log-level", "warning"])
    }

    /// Makes the host of the gateway one that has room, without anything that runs VMs there.
    func pretendRoom() async throws {
        try await ask(
            .put, ["nodes", "c1", "report"],
            #"{"architecture":"x86_64","capacity":{"cpus":8,"memoryMiB":16384,"diskGiB":100},"kvm":false}"#)
    }

    /// Has libvirtd there, and what runs VMs.
    func startNode(_ hypervisors: Hypervisors) async throws {
        try system.machine("h1").start(
            role: "compute-node", program,
            [
                "node", "--libvirt", hypervisors.uri(on: "h1"), "--kvm", "never", "--state-dir",
                "\(hypervisors.folder)/h1/state",
            ])
        try await system.eventually("the compute host is ready") {
            try await ask(.get, ["compute-hosts", "c1"])["status"]?["state"]?.string == "ready"
        }
    }

    /// A raw image, from a file.
    func image(_ name: String, from file: String) async throws {
        let digest = try await Command("/usr/bin/sha256sum", [file], timeout: .seconds(60)).check("sum", file).prefix(
            64)
        let handle = try Data(contentsOf: URL(filePath: file), options: .alwaysMapped)
        try await ask(
            .post, ["projects", "default", "images"],
            #"{"name":"\#(name)","spec":{"format":"raw","architecture":"x86_64","size":\#(handle.count),"sha256":"\#(digest)","minimumDiskGiB":1}}"#
        )
        for offset in stride(from: 0, to: handle.count, by: 8 << 20) {
            let piece = [UInt8](handle[offset..<min(offset + 8 << 20, handle.count)])
            _ = try await system.client.send(
                APIRequest(
                    .post, ["compute", "v1", "projects", "default", "images", name, "upload"],
                    query: [("offset", "\(offset)")], body: piece, timeout: .seconds(60)))
        }
    }

    /// - Parameter more: members of its spec beside type and image, with a comma before each.
    /// - Returns: its id.
    @discardableResult
    func vm(_ name: String, image: String, _ more: String) async throws -> String {
        let made = try await ask(
            .post, ["projects", "default", "vms"],
            #"{"name":"\#(name)","spec":{"machineType":"small","image":"\#(image)"\#(more)}}"#)
        return try #require(made["id"]?.string)
    }

    func state(of vm: String) async throws -> String? {
        try await ask(.get, ["projects", "default", "vms", vm])["status"]?["state"]?.string
    }

    @discardableResult
    func ask(_ method: APIRequest.Method, _ path: [String], _ body: String? = nil) async throws -> JSONNode {
        let response = try await system.client.send(
            APIRequest(method, ["compute", "v1"] + path, body: body.map { Array($0.utf8) }))
        return response.body.isEmpty ? JSONNode(content: .null, raw: []) : try JSONParser.parse(response.body)
    }

    /// What a guest's curl is answered: the status, 0 without an answer, and the body.
    func curl(_ place: String, _ url: String, _ options: [String] = []) async throws -> (
        status: Int, body: String
    ) {
        let place = try #require(GuestPlace(place))
        let result = try await system.laboratory.machine(place.host).command(
            inGuest: place.guest, "curl", ["-sgm", "10", "-w", "\n%{http_code}"] + options + [url]
        ).run()
        var lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
        let status = lines.popLast().flatMap { Int($0) } ?? 0
        return (status, lines.joined(separator: "\n"))
    }

    /// The same with the gateway's resolver as the guest's.
    func curlByName(_ place: String, _ url: String, resolver: IPv6Address) async throws -> String {
        let place = try #require(GuestPlace(place))
        let script =
            "f=$(mktemp) && echo nameserver \(resolver) >$f && mount --bind $f /etc/resolv.conf && rm $f && exec curl -sgm 10 \(url)"
        return try await system.laboratory.machine(place.host).command(
            inGuest: place.guest, "unshare", ["-m", "--propagation", "private", "sh", "-c", script]
        ).run().output
    }

    /// The address of the gateway in a segment's /64.
    func router(of prefix: IPv6Prefix) async throws -> IPv6Address {
        let output = try await system.machine("h1").command(
            "sh", ["-c", "ip -n $(ip netns list | grep -o 'kcg-[a-z0-9]*') -6 -o address show"]
        ).check("look at", "the gateway")
        let found = output.split(whereSeparator: { " \n".contains($0) }).compactMap {
            IPv6Address(String($0.prefix { $0 != "/" }))
        }.first { prefix.contains($0) }
        return try #require(found, "\(output)")
    }
}
