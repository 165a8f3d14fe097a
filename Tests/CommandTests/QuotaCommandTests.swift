import Testing

@Suite(.serialized) struct QuotaCommandTests {
    @Test func `quotas of other services are set, shown, changed and taken away`() async throws {
        try await Cloud.with { cloud in
            var run = try await cloud.kcnet(
                "project", "create", "web", "--segments", "5", "--quota", "compute.vms=10", "--quota",
                "compute.memory-mib=4194304")
            #expect(run.status == 0, "\(run.errors)")
            run = try await cloud.kcnet(
                "project", "update", "web", "--quota", "compute.vms=20", "--no-quota", "compute.memory-mib")
            #expect(run.status == 0, "\(run.errors)")
            run = try await cloud.kcnet("project", "list")
            #expect(run.output.contains("segments=5,compute.vms=20 "), "\(run.output)")
            for (flag, words) in [
                ("compute.vms", "NAME=NUMBER"), ("compute.vms=-1", "NAME=NUMBER"), ("Compute.vms=1", "lower-case"),
                ("vms=1", "addresses, attachments, mappings, segments"),
                ("compute.vms=4000000000", "from 0 to 1000000000"),
            ] {
                run = try await cloud.kcnet("project", "update", "web", "--quota", flag)
                #expect(run.status != 0 && run.errors.contains(words), "\(flag): \(run.status) \(run.errors)")
            }
        }
    }
}
