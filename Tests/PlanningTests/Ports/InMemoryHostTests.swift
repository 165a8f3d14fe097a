import Addressing
import NetworkModel
import NetworkPlanning
import NodePorts
import NodePortsTesting
import Testing

@Suite struct InMemoryHostTests {
    @Test func `the host in memory keeps the contract of the node ports and leaves nothing behind`() async throws {
        let host = InMemoryHost()
        let before = host.dump
        let contract = NodeContract(
            links: host.links, namespaces: host.namespaces, here: try #require(NamespaceName("contract-a")),
            there: try #require(NamespaceName("contract-b")))
        let violations = await contract.violations()
        #expect(violations.isEmpty, "\(violations.joined(separator: "\n"))")
        #expect(host.dump == before)
    }

    @Test func `the contract notices a device that is not there`() async throws {
        let host = InMemoryHost()
        host.fail {
            if case .link(.create(let link), _) = $0, link.kind == .tap {
                NodeError(.errno(Errno.invalid), operation: "create", subject: link.name.text)
            } else {
                nil
            }
        }
        let contract = NodeContract(
            links: host.links, namespaces: host.namespaces, here: try #require(NamespaceName("contract-a")),
            there: try #require(NamespaceName("contract-b")))
        #expect(await contract.violations().contains { $0.contains("kctcontract is not observed") })
    }
}
