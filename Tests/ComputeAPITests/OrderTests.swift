import APIClient
import ComputeModel
import ComputeNode
import Foundation
import Resources
import Synchronization
import Testing
import Waiting

/// What the agent of a compute host hears, by the very client that it has.
@Suite(.serialized) struct OrderTests {
    /// Everything that one connection has said, in order.
    private final class Told: Sendable {
        let events = Mutex<[OrderEvent]>([])
        var all: [OrderEvent] { events.withLock { $0 } }

        func contains(_ event: OrderEvent) -> Bool { all.contains(event) }

        func isOrdered(_ vm: ResourceID) -> Bool {
            all.contains { event in
                guard case .order(let order) = event else { return false }
                return order.id == vm
            }
        }

        /// Whether all has been said once.
        var isComplete: Bool {
            all.contains { event in
                guard case .complete = event else { return false }
                return true
            }
        }
    }

    private func upstream<Result: Sendable>(
        _ socket: String, token: String? = nil, _ host: String = "c1",
        _ body: (APIComputeUpstream) async throws -> Result
    ) async throws -> Result {
        let client = try APIClient(endpoint: Endpoint(parsing: "unix:" + socket), token: token)
        do {
            let result = try await body(APIComputeUpstream(client, host: host))
            await client.shutdown()
            return result
        } catch {
            await client.shutdown()
            throw error
        }
    }

    private func following(_ upstream: APIComputeUpstream, _ body: (Told) async throws -> Void) async throws {
        let told = Told()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await upstream.follow { event in told.events.withLock { $0.append(event) } } }
            defer { group.cancelAll() }
            try await body(told)
        }
    }

    private func id(_ reply: Reply) throws -> ResourceID {
        try #require(reply.text("id").flatMap { ResourceID($0) }, "\(reply.text)")
    }

    @Test func `a removal is told at each connection until the host says that it is done`() async throws {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            let vm = try id(try await cloud.vm("web"))
            // Nobody listens meanwhile.
            #expect(try await cloud.curl("DELETE", Cloud.vms + "/web").status == 204)
            cloud.stop("kc-compute", SIGKILL)
            try cloud.startCompute()
            try await cloud.ready()
            try await upstream(cloud.folder + "/api.sock") { upstream in
                for _ in 0..<2 {
                    try await following(upstream) { told in
                        try await eventually("it is told") { told.isComplete }
                        #expect(told.all.contains(.removed(vm)))
                    }
                }
                try await upstream.renew()
                #expect(try await cloud.curl("POST", "/compute/v1/nodes/c1/lease").status == 204)
                try await upstream.acknowledge(removalOf: vm)
                try await upstream.acknowledge(removalOf: vm)
                try await following(upstream) { told in
                    try await eventually("all is told") { told.isComplete }
                    #expect(!told.all.contains(.removed(vm)))
                }
            }
            for (path, status) in [("c1/vms/\(vm)", 204), ("c1/vms/x", 404), ("c2/vms/\(vm)", 404)] {
                let said = try await cloud.curl("DELETE", "/compute/v1/nodes/\(path)")
                #expect(said.status == status, "\(path): \(said.text)")
            }
        }
    }

    @Test func `a VM that cannot be told of yet is kept, and removed only when its place is gone`() async throws {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            let bytes = Data(count: 8192)
            try await cloud.image("late", bytes: bytes)
            #expect(
                try await cloud.curl(
                    "POST", "/v1/projects/default/attachments", #"{"name":"mine","spec":{"segment":"blue"}}"#
                ).status == 201)
            let holder = try id(try await cloud.vm("holder", #","networks":[{"attachment":"mine"}]"#))
            try await eventually("its port is its own") {
                try await cloud.attachments()["mine"]?["spec"]?["host"]?.string != nil
            }
            let second = try id(try await cloud.vm("second", #","networks":[{"attachment":"mine"}]"#))
            let made = try await cloud.curl(
                "POST", Cloud.vms, #"{"name":"imageless","spec":{"machineType":"small","image":"late"}}"#)
            let imageless = try id(made)
            try await upstream(cloud.folder + "/api.sock") { upstream in
                try await following(upstream) { told in
                    try await eventually("each is spoken of", { "\(told.all)" }) {
                        told.isOrdered(holder) && told.contains(.kept(second)) && told.contains(.kept(imageless))
                    }
                    #expect(!told.isOrdered(second) && !told.isOrdered(imageless))
                    let upload = try await cloud.curl("POST", Cloud.images + "/late/upload?offset=0", data: bytes)
                    #expect(upload.status == 200, "\(upload.text)")
                    try await eventually("it is ordered when its image is there", { "\(told.all)" }) {
                        told.isOrdered(imageless)
                    }
                    #expect(try await cloud.curl("DELETE", Cloud.vms + "/second").status == 204)
                    try await eventually("what was kept is removed", { "\(told.all)" }) {
                        told.contains(.removed(second))
                    }
                    #expect(!told.contains(.removed(holder)) && !told.contains(.removed(imageless)))
                }
            }
        }
    }

    @Test func `a server that has just started and cannot ask for ports keeps every VM`() async throws {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            let vm = try id(try await cloud.vm("web", #","networks":[{"segment":"blue"}]"#))
            try await upstream(cloud.folder + "/api.sock") { upstream in
                try await following(upstream) { told in
                    try await eventually("it is ordered", { "\(told.all)" }) { told.isOrdered(vm) }
                }
            }
            cloud.stop("kcd", SIGKILL)
            cloud.stop("kc-compute", SIGKILL)
            try cloud.startCompute()
            let direct = cloud.direct
            try await eventually("it serves") {
                try await direct("GET", "/compute/v1/compute-hosts/c1").status == 200
            }
            try await upstream(cloud.computeSocket) { upstream in
                try await following(upstream) { told in
                    try await eventually("all is said", { "\(told.all)" }) { told.isComplete }
                    #expect(told.contains(.kept(vm)) && !told.contains(.removed(vm)), "\(told.all)")
                    try cloud.startNetwork()
                    try await eventually("it is ordered as soon as its ports are known", { "\(told.all)" }) {
                        told.isOrdered(vm)
                    }
                    #expect(!told.contains(.removed(vm)), "\(told.all)")
                }
            }
        }
    }

    @Test func `a host hears and says what is its own, and nothing of another host`() async throws {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            for (path, body) in [
                ("/v1/hosts", #"{"name":"h2","spec":{"vtep":"2001:db8::2","interface":"eth0"}}"#),
                ("/compute/v1/compute-hosts", #"{"name":"c2","spec":{"host":"h2"}}"#),
            ] { #expect(try await cloud.curl("POST", path, body).status == 201) }
            let credential = try #require(
                try await cloud.curl("POST", "/v1/hosts/h1/credential").text("credential"))
            // The second host has said nothing of room: the place is the first.
            let vm = try id(try await cloud.vm("web"))
            let image = try #require(
                try await cloud.curl("GET", Cloud.images + "/debian").text("id").flatMap { ResourceID($0) })
            let socket = cloud.folder + "/api.sock"
            let own = try id(try await cloud.curl("GET", "/v1/hosts/h1"))
            for name in ["c1", own.description] {
                try await upstream(socket, token: credential, name) { upstream in
                    try await following(upstream) { told in
                        try await eventually("all is said", { "\(told.all)" }) {
                            told.isComplete && told.isOrdered(vm)
                        }
                        guard case .beginning = told.all.first else {
                            Issue.record("it begins otherwise: \(told.all)")
                            return
                        }
                    }
                    let bytes = try await upstream.read(image, at: 31, count: 100)
                    #expect(bytes == (31..<131).map { UInt8(truncatingIfNeeded: $0 &* 31) })
                    await #expect(throws: UpstreamError.self) {
                        try await upstream.read(own, at: 0, count: 100)
                    }
                }
            }
            let report =
                #"{"architecture":"x86_64","capacity":{"cpus":8,"memoryMiB":16384,"diskGiB":100},"kvm":false}"#
            let said = #"{"state":"stopped","generation":1,"since":"2026-01-01T00:00:00.000Z","conditions":[]}"#
            let bearer = ["Authorization: Bearer \(credential)"]
            let other = try #require(try await cloud.curl("GET", "/v1/hosts/h2").text("id"))
            for (method, path, body, status) in [
                ("PUT", "c1/report", report, 204), ("PUT", "c1/vms/\(vm)/report", said, 204),
                ("GET", "c2/desired", nil, 403), ("GET", "\(other)/desired", nil, 403),
                ("PUT", "c2/report", report, 403), ("PUT", "c2/vms/\(vm)/report", said, 403),
                ("GET", "c2/images/\(image)", nil, 403), ("GET", "nobody/desired", nil, 403),
            ] as [(String, String, String?, Int)] {
                let reply = try await cloud.curl(method, "/compute/v1/nodes/" + path, body, headers: bearer)
                #expect(reply.status == status, "\(method) \(path): \(reply.status) \(reply.text)")
            }
            // The other host says nothing of a VM that is not on it, and gets no image that none of its VMs begins with.
            let second = try #require(
                try await cloud.curl("POST", "/v1/hosts/h2/credential").text("credential"))
            for (method, path, body) in [("PUT", "vms/\(vm)/report", said), ("GET", "images/\(image)", nil)]
                as [(String, String, String?)]
            {
                let reply = try await cloud.curl(
                    method, "/compute/v1/nodes/c2/" + path, body, headers: ["Authorization: Bearer \(second)"])
                #expect(reply.status == 404, "\(method) \(path): \(reply.status) \(reply.text)")
            }
            // And neither is a person: lists of VMs are not theirs.
            #expect(try await cloud.curl("GET", Cloud.vms, headers: bearer).status == 403)
        }
    }
}
