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
