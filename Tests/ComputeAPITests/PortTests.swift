import Foundation
import Resources
import Testing
import Waiting

/// The ports of VMs: attachments that are made, bound and taken away with them, and what their hosts are told.
@Suite(.serialized) struct PortTests {
    @Test func `a port is made with the VM and deleted with it, whoever dies in between`() async throws {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            #expect(
                try await cloud.curl(
                    "POST", "/v1/projects/default/segments", #"{"name":"red","spec":{"ipam":"manual"}}"#
                )
                .status == 201)
            let made = try await cloud.vm("web", #","networks":[{"segment":"blue"},{"segment":"red"}]"#)
            let id = try #require(made.text("id"), "\(made.text)")
            let names = (0..<2).map { "vm-" + id.filter { $0 != "-" } + "-\($0)" }
            try await eventually("both are made and bound") {
                let there = try await cloud.attachments()
                return names.allSatisfy { there[$0]?["spec"]?["host"]?.string != nil } && there.count == 2
            }
            let before = try await cloud.attachments().mapValues { $0["status"]?["mac"]?.string }
            cloud.stop("kc-compute", SIGKILL)
            try cloud.startCompute()
            try await cloud.ready()
            #expect(try await cloud.curl("POST", Cloud.vms + "/web/stop").status == 200)
            #expect(try await cloud.attachments().mapValues { $0["status"]?["mac"]?.string } == before)
            #expect(try await cloud.curl("DELETE", Cloud.vms + "/web").status == 204)
            cloud.stop("kc-compute", SIGKILL)
            try cloud.startCompute()
            try await cloud.ready()
            try await eventually("they are gone") { try await cloud.attachments().isEmpty }
        }
    }

    @Test func `ports are looked at as rarely after many changes as before`() async throws {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            for number in 0..<40 { #expect(try await cloud.vm("vm\(number)").status == 201) }
            func lists() async throws -> Double {
                try await cloud.curl("GET", "/metrics").text.split(separator: "\n")
                    .filter {
                        $0.hasPrefix("kc_http_requests_total{") && $0.contains("/attachments\"") && $0.contains("GET")
                    }
                    .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0, +)
            }
            let (before, start) = (try await lists(), ContinuousClock.now)
            #expect(before > 0)
            // Three looks at two lists, of which there is one in three seconds.
            try await eventually("three looks more", within: .seconds(30)) { try await lists() >= before + 6 }
            #expect(start.duration(to: .now) > .seconds(4))
        }
    }

    @Test func `an attachment that is given is bound, outlives its VM, and is no second VM's`() async throws {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            #expect(
                try await cloud.curl(
                    "POST", "/v1/projects/default/attachments",
                    #"{"name":"mine","labels":{"a":"b"},"spec":{"segment":"blue"}}"#
                ).status == 201)
            let given = #","networks":[{"attachment":"mine"}]"#
            #expect(try await cloud.vm("first", given).status == 201)
            try await eventually("it is bound") {
                try await cloud.attachments()["mine"]?["spec"]?["host"]?.string != nil
            }
            #expect(try await cloud.vm("second", given).status == 201)
            try await eventually("the second VM says what it waits for") {
                try await cloud.curl("GET", Cloud.vms + "/second").text.contains("attachment 'mine' is VM")
            }
            for vm in ["second", "first"] {
                #expect(try await cloud.curl("DELETE", Cloud.vms + "/\(vm)").status == 204)
            }
            try await eventually("it is free again") {
                let mine = try await cloud.attachments()["mine"]
                return mine != nil && mine?["spec"]?["host"]?.string == nil
                    && String(decoding: mine?["labels"]?.raw ?? [], as: UTF8.self) == #"{"a":"b"}"#
            }
        }
    }

    @Test func `a VM that runs says that the attachment it was given is gone, and can still be stopped`() async throws {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            let given = try await cloud.curl(
                "POST", "/v1/projects/default/attachments", #"{"name":"mine","spec":{"segment":"blue"}}"#)
            let mine = try #require(given.text("id"), "\(given.text)")
            let made = try await cloud.vm("web", #","networks":[{"segment":"blue"},{"attachment":"mine"}]"#)
            let id = try #require(made.text("id"), "\(made.text)")
            try await eventually("it is bound") {
                try await cloud.attachments()["mine"]?["spec"]?["host"]?.string != nil
            }
            let report = [
                #"{"state":"running","generation":1,"since":"2026-01-01T00:00:00.000Z","conditions":["#,
                #"{"kind":"attachmentsWired","holds":true,"since":"2026-01-01T00:00:00.000Z"},"#,
                #"{"kind":"started","holds":true,"since":"2026-01-01T00:00:00.000Z"}]}"#,
            ].joined()
            #expect(try await cloud.curl("PUT", "/compute/v1/nodes/c1/vms/\(id)/report", report).status == 204)
            // Bound to a host and given to a VM: it goes all the same, since the network knows no VMs.
            #expect(try await cloud.curl("DELETE", "/v1/projects/default/attachments/mine").status == 204)
            try await eventually("the VM says so", within: .seconds(10)) {
                try await cloud.curl("GET", Cloud.vms + "/web").text.contains(
                    "NIC 1: attachment \(mine), which was given to the VM, is gone")
            }
            let shown = try await cloud.curl("GET", Cloud.vms + "/web")
            #expect(shown.text("status", "state") == "running", "\(shown.text)")
            #expect(shown.text.contains("kc vm nic remove"), "\(shown.text)")
            #expect(shown.text.components(separatedBy: "attachmentsWired").count == 2, "\(shown.text)")
            // A server that begins anew has never seen it, and says the same.
            cloud.stop("kc-compute", SIGKILL)
            try cloud.startCompute()
            try await cloud.ready()
            #expect(try await cloud.curl("POST", Cloud.vms + "/web/stop").status == 200)
            try await eventually("its host is told that it shall end") {
                try await cloud.curl("GET", "/compute/v1/nodes/c1/desired", options: ["-N", "--max-time", "1"])
                    .text.contains(#""power":"off""#)
            }
            #expect(
                try await cloud.curl("GET", Cloud.vms + "/web").text.contains("which was given to the VM, is gone"))
            let without = try await cloud.curl(
                "PUT", Cloud.vms + "/web",
                #"{"name":"web","spec":{"machineType":"small","image":"debian","networks":[{"segment":"blue"}]}}"#)
            #expect(without.status == 200, "\(without.text)")
            try await eventually("without that NIC nothing is wrong") {
                try await !cloud.curl("GET", Cloud.vms + "/web").text.contains("is gone")
            }
        }
    }

    @Test func `what is another's port is not taken by being given`() async throws {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            #expect(
                try await cloud.curl(
                    "POST", "/v1/hosts", #"{"name":"h2","spec":{"vtep":"2001:db8::2","interface":"eth0"}}"#
                ).status == 201)
            for body in [
                #"{"name":"mine","spec":{"segment":"blue"}}"#,
                #"{"name":"elsewhere","spec":{"segment":"blue","host":"h2"}}"#,
                #"{"name":"room","spec":{"segment":"blue","host":"h2","port":{"type":"namespace","namespace":"room"}}}"#,
            ] {
                let made = try await cloud.curl("POST", "/v1/projects/default/attachments", body)
                #expect(made.status == 201, "\(made.text)")
            }
            // The router's port is on the host where the VM comes to be.
            for (method, path, body) in [
                (
                    "PUT", "/v1/hosts/h1",
                    #"{"name":"h1","spec":{"vtep":"2001:db8::1","interface":"eth0","roles":["gateway"]}}"#
                ),
                ("POST", "/v1/projects/default/gateways", #"{"name":"edge","spec":{"host":"h1","segments":["blue"]}}"#),
            ] {
                let reply = try await cloud.curl(method, path, body)
                #expect(reply.status == 200 || reply.status == 201, "\(reply.text)")
            }
            let id = try #require(try await cloud.vm("web", #","networks":[{"segment":"blue"}]"#).text("id"))
            let port = "vm-" + id.filter { $0 != "-" } + "-0"
            try await eventually("its port is made") { try await cloud.attachments()[port] != nil }
            func what(_ name: String) async throws -> [[UInt8]] {
                let there = try await cloud.attachments()[name]
                return ["labels", "spec"].map { Array(there?[$0]?.raw ?? []) }
            }
            for (name, reason) in [
                (port, "was made for VM \(id)"), ("elsewhere", "is bound to another host"), ("room", "has no tap"),
                ("gw-edge-blue", "is a gateway's own port"),
            ] {
                let before = try await what(name)
                #expect(try await cloud.vm("thief", #","networks":[{"attachment":"\#(name)"}]"#).status == 201)
                try await eventually("the VM says why it does not get \(name)") {
                    try await cloud.curl("GET", Cloud.vms + "/thief").text.contains(
                        "NIC 0: attachment '\(name)' \(reason)")
                }
                #expect(try await what(name) == before)
                #expect(try await cloud.curl("DELETE", Cloud.vms + "/thief").status == 204)
            }
        }
    }

    @Test func `a port that cannot be taken away keeps no other VM waiting`() async throws {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            let id = try #require(try await cloud.vm("first", #","networks":[{"segment":"blue"}]"#).text("id"))
            let port = "vm-" + id.filter { $0 != "-" } + "-0"
            try await eventually("its port is made") { try await cloud.attachments()[port] != nil }
            let path = "/v1/projects/default/attachments/\(port)"
            func protect(_ isProtected: Bool) async throws {
                let labels = #"{"kc-compute/vm":"\#(id)"}"#
                let reply = try await cloud.curl(
                    "PUT", path,
                    #"{"name":"\#(port)","protected":\#(isProtected),"labels":\#(labels),"spec":{"segment":"blue"}}"#)
                #expect(reply.status == 200, "\(reply.text)")
            }
            try await protect(true)
            #expect(try await cloud.curl("DELETE", Cloud.vms + "/first").status == 204)
            let second = try #require(try await cloud.vm("second", #","networks":[{"segment":"blue"}]"#).text("id"))
            let other = "vm-" + second.filter { $0 != "-" } + "-0"
            try await eventually("the next VM has its port") { try await cloud.attachments()[other] != nil }
            let third = try #require(try await cloud.vm("third", #","networks":[{"segment":"blue"}]"#).text("id"))
            let last = "vm-" + third.filter { $0 != "-" } + "-0"
            try await eventually("and the one after it") { try await cloud.attachments()[last] != nil }
            #expect(try await cloud.attachments()[port] != nil)
            try await protect(false)
            try await eventually("it goes when it may") { try await cloud.attachments()[port] == nil }
        }
    }

    @Test func `what a host says is shown with it`() async throws {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            let report = [
                #"{"architecture":"x86_64","capacity":{"cpus":8,"memoryMiB":16384,"diskGiB":100},"kvm":false,"#,
                #""foreign":["theirs"],"message":"libvirtd does not answer"}"#,
            ].joined()
            #expect(try await cloud.curl("PUT", "/compute/v1/nodes/c1/report", report).status == 204)
            let shown = try await cloud.curl("GET", "/compute/v1/compute-hosts/c1")
            #expect(shown.text("status", "message") == "libvirtd does not answer", "\(shown.text)")
            #expect(shown.text.contains(#""foreign":["theirs"]"#), "\(shown.text)")
        }
    }

    @Test func `NICs come and go with what the VM says, and those that stay keep their ports`() async throws {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            for (path, body) in [
                ("segments", #"{"name":"red","spec":{"ipam":"manual"}}"#),
                ("attachments", #"{"name":"mine","spec":{"segment":"red"}}"#),
            ] {
                #expect(try await cloud.curl("POST", "/v1/projects/default/\(path)", body).status == 201)
            }
            let made = try await cloud.vm("web", #","networks":[{"segment":"blue"},{"attachment":"mine"}]"#)
            let id = try #require(made.text("id"), "\(made.text)")
            func name(_ number: Int) -> String { "vm-" + id.filter { $0 != "-" } + "-\(number)" }
            func networks(_ text: String) async throws -> Reply {
                try await cloud.curl(
                    "PUT", Cloud.vms + "/web",
                    #"{"name":"web","spec":{"machineType":"small","image":"debian","networks":[\#(text)]}}"#)
            }
            func mac(_ name: String) async throws -> String? {
                try await cloud.attachments()[name]?["status"]?["mac"]?.string
            }
            func isBound(_ name: String) async throws -> Bool {
                try await cloud.attachments()[name]?["spec"]?["host"]?.string != nil
            }
            try await eventually("both are bound") {
                let (own, given) = (try await isBound(name(0)), try await isBound("mine"))
                return own && given
            }
            let before = try await mac(name(0))
            // A second one on the same segment, with a built-in policy, before the others; the given one goes.
            let more = try await networks(
                #"{"segment":"blue","policies":["allow-all"]},{"segment":"blue"},{"segment":"blue"}"#)
            #expect(more.status == 200, "\(more.text)")
            try await eventually("two more are made, and the given one is free") {
                let there = try await cloud.attachments()
                return Set(there.keys) == ["mine", name(0), name(2), name(3)]
                    && there["mine"]?["spec"]?["host"]?.string == nil
                    && there["mine"]?["labels"]?["kc-compute/given-to"] == nil
            }
            #expect(try await mac(name(0)) == before)
            let shown = try await cloud.curl("GET", "/v1/projects/default/attachments/\(name(2))")
            #expect(shown.text.contains(#""policies":["allow-all"]"#), "\(shown.text)")
            // The host is told in the order of the networks.
            let orders = try await cloud.curl(
                "GET", "/compute/v1/nodes/c1/desired", options: ["-N", "--max-time", "2"])
            let ids = try await cloud.attachments().mapValues { $0["id"]?.string ?? "" }
            let places = [2, 0, 3].map { number in
                orders.text.range(of: #""attachment":"\#(ids[name(number)] ?? "")""#)?.lowerBound
                    ?? orders.text.endIndex
            }
            #expect(places == places.sorted(), "\(orders.text)")
            // The first goes; a number is never given again.
            #expect(try await networks(#"{"segment":"blue"}"#).status == 200)
            try await eventually("one is left") {
                Set(try await cloud.attachments().keys) == ["mine", name(0)]
            }
            #expect(try await networks(#"{"segment":"blue"},{"segment":"red"}"#).status == 200)
            try await eventually("another comes") {
                Set(try await cloud.attachments().keys) == ["mine", name(0), name(4)]
            }
            #expect(try await mac(name(0)) == before)
            for (text, field) in [
                (#"{"segment":"green"}"#, "spec.networks[0].segment"),
                (#"{"segment":"blue","policies":["nothing"]}"#, "spec.networks[0].policies[0]"),
                (#"{"attachment":"mine"},{"attachment":"mine"}"#, "spec.networks[1].attachment"),
            ] {
                let refused = try await networks(text)
                #expect((400..<500).contains(refused.status) && refused.text("field") == field, "\(refused.text)")
            }
            // An earlier revision comes back with ports of its own.
            #expect(try await cloud.curl("POST", Cloud.vms + "/web/restore", #"{"generation":1}"#).status == 200)
            try await eventually("the given one is bound again") { try await isBound("mine") }
            #expect(try await cloud.curl("DELETE", Cloud.vms + "/web").status == 204)
            try await eventually("only the given one is left, and free") {
                let there = try await cloud.attachments()
                return Set(there.keys) == ["mine"] && there["mine"]?["spec"]?["host"]?.string == nil
            }
        }
    }

    @Test func `a host is told of its VMs whole, and of what changes`() async throws {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            let made = try await cloud.vm("web", #","networks":[{"segment":"blue"}],"userData":"hello""#)
            let id = try #require(made.text("id"))
            async let stream = cloud.curl(
                "GET", "/compute/v1/nodes/c1/desired", options: ["-N", "--max-time", "6"])
            try await eventually("the stream is open") {
                try await cloud.curl("GET", "/metrics").text.contains("kc_streams 1")
            }
            #expect(try await cloud.curl("POST", Cloud.vms + "/web/reboot").status == 200)
            let report =
                #"{"state":"stopped","generation":2,"since":"2026-01-01T00:00:00.000Z","conditions":[]}"#
            let said = try await cloud.curl("PUT", "/compute/v1/nodes/c1/vms/\(id)/report", report)
            #expect(said.status == 204, "\(said.text)")
            #expect(try await cloud.curl("GET", Cloud.vms + "/web").text("status", "state") == "stopped")
            #expect(
                try await cloud.curl("PUT", "/compute/v1/nodes/c1/vms/\(UUID().uuidString.lowercased())/report", report)
                    .status == 404)
            #expect(try await cloud.curl("DELETE", Cloud.vms + "/web").status == 204)
            let text = try await stream.text
            for part in [
                #"{"computeHost":"#, #""device":"kct"#, #""userData":"hello""#, #""reboots":1"#,
                #"{"complete":"#, #"{"removed":"\#(id)"}"#,
            ] {
                #expect(text.contains(part), "no \(part) in \(text)")
            }
        }
    }
}
