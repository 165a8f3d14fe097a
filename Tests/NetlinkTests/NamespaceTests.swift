import Glibc
import LinuxNetlink
import NetworkModel
import NodePorts
import Testing

@Suite struct NamespaceTests {
    @Test func `a namespace is made, listed and deleted without a trace`() async throws {
        let threads = try NamespaceThreads()
        let namespaces = LinuxNamespaces(threads: threads)
        let name = try #require(NamespaceName("kcn-\(getpid())-trace"))
        let mounts = try shell("grep -c '/\(name.text) ' /proc/self/mountinfo || true")
        #expect(try await !namespaces.list().contains(name))
        try await namespaces.create(name)
        try await namespaces.create(name)
        #expect(try await namespaces.list().contains(name))
        #expect(try shell("ip netns exec \(name.text) ip -br link show dev lo").contains("<LOOPBACK,UP,LOWER_UP>"))
        #expect(try shell("ip netns exec \(name.text) cat /proc/sys/net/ipv6/conf/default/accept_ra") == "0\n")
        try await namespaces.delete(name)
        try await namespaces.delete(name)
        #expect(try await !namespaces.list().contains(name))
        #expect(try shell("grep -c '/\(name.text) ' /proc/self/mountinfo || true") == mounts)
        #expect(access("/run/netns/\(name.text)", F_OK) != 0)
    }
}
