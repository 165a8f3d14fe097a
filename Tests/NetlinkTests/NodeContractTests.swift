import Glibc
import LinuxNetlink
import NetworkModel
import NodePortsTesting
import Testing

@Suite struct NodeContractTests {
    @Test func `the kernel's devices and namespaces keep the contract that the host in memory keeps`() async throws {
        let threads = try NamespaceThreads()
        let contract = NodeContract(
            links: NetlinkLinkTable(threads: threads), namespaces: LinuxNamespaces(threads: threads),
            here: try #require(NamespaceName("contract-a-\(getpid())")),
            there: try #require(NamespaceName("contract-b-\(getpid())")))
        let violations = await contract.violations()
        #expect(violations.isEmpty, "\(violations.joined(separator: "\n"))")
    }
}
