import ComputeModel
import ComputePlanning
import Resources
import Testing

struct SeedTests {
    @Test func `a seed is YAML in which no value can become something else`() throws {
        var order = Making.order(1)
        order.guest.userData = "#cloud-config\nruncmd: ['\u{1}']\n"
        let seed = NoCloudSeed(order)
        #expect(
            String(decoding: seed.metaData, as: UTF8.self)
                == "{\"instance-id\":\"\(order.id)\",\"local-hostname\":\"vm-1\",\"public-keys\":[]}\n")
        let network = try JSONParser.parse(seed.networkConfig)
        guard case .object(let members) = network.content else { throw NoObject() }
        #expect(members.map(\.name) == ["version", "ethernets"])
        #expect(seed.userData == Array(order.guest.userData.utf8))
        #expect(String(decoding: NoCloudSeed(Making.order(1)).userData, as: UTF8.self).hasPrefix("#cloud-config\n"))
    }

    @Test func `seeds that differ have other digests, a VM that is only renamed or wired keeps its own`() {
        let digest = NoCloudSeed(Making.order(1)).digest
        #expect(digest.utf8.count == 16)
        #expect(NoCloudSeed(Making.order(1, isWired: false, memoryMiB: 512)).digest == digest)
        #expect(NoCloudSeed(Making.order(2)).digest != digest)
        #expect(NoCloudSeed(Making.order(1, networks: 2)).digest != digest)
    }

    private struct NoObject: Error {}
}
