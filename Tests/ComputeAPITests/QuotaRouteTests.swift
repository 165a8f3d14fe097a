import Resources
import Testing
import Waiting

/// Quotas of a project that the network keeps and the compute service counts, through `kcd api`.
@Suite(.serialized) struct QuotaRouteTests {
    @Test func `a project's quota of VMs holds, and a larger one is known soon`() async throws {
        try await Cloud.run { cloud in
            func limit(_ quotas: String) async throws -> Reply {
                let project = #"{"name":"default","spec":{"quotas":\#(quotas)}}"#
                return try await cloud.curl("PUT", "/v1/projects/default", project)
            }
            let set = try await limit(#"{"compute.vms":1,"compute.memory-mib":4194304}"#)
            #expect(set.status == 200, "\(set.text)")
            #expect(
                String(decoding: try #require(try set.json?["spec"]?["quotas"]).raw, as: UTF8.self)
                    == #"{"compute.memory-mib":4194304,"compute.vms":1}"#)
            try await cloud.furnish()
            #expect(try await cloud.vm("one").status == 201)
            let refused = try await cloud.vm("two")
            #expect(
                refused.status == 409 && refused.text.contains("has 1 compute.vms and may have 1"), "\(refused.text)")
            #expect(try await limit(#"{"compute.vms":2}"#).status == 200)
            try await eventually("the larger quota is known") { try await cloud.vm("two").status == 201 }
            #expect(try await cloud.vm("three").status == 409)

            for (quotas, word) in [
                (#"{"vms":1}"#, "segments"), (#"{"compute.vms":-1}"#, "from 0 to"),
                (#"{"Compute.vms":1}"#, "lower-case"),
                (#"{"compute.vms":1.5}"#, "whole number"),
            ] {
                let reply = try await limit(quotas)
                #expect(reply.status == 422 && reply.text.contains(word), "\(quotas): \(reply.text)")
            }
        }
    }
}
