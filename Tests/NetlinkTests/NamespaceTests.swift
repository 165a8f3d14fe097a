import Addressing
import Glibc
import LinuxNetlink
import NetworkModel
import NetworkPlanning
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
        try await namespaces.setForwarding(true, in: name)
        #expect(try shell("ip netns exec \(name.text) cat /proc/sys/net/ipv6/conf/all/forwarding") == "1\n")
        try await namespaces.delete(name)
        try await namespaces.delete(name)
        #expect(try await !namespaces.list().contains(name))
        #expect(try shell("grep -c '/\(name.text) ' /proc/self/mountinfo || true") == mounts)
        #expect(access("/run/netns/\(name.text)", F_OK) != 0)
        await #expect(throws: NodeError.self) { try await namespaces.setForwarding(true, in: name) }
    }

    @Test func `until somebody marks it a new namespace shows that it is unfinished`() async throws {
        try await KernelNamespace.with { space in
            #expect(try await space.link(.loopback)?.isUnfinished == true)
            try await space.apply([.change(.loopback, LinkChange(alias: "kc:gateway/1", isUp: true))])
            #expect(try await space.link(.loopback)?.isUnfinished == false)
        }
    }

    @Test func `a file that a crash left without its namespace is no namespace, and is completed`() async throws {
        let namespaces = LinuxNamespaces(threads: try NamespaceThreads())
        let name = try #require(NamespaceName("kcn-\(getpid())-half"))
        close(open("/run/netns/\(name.text)", O_CREAT | O_WRONLY | O_CLOEXEC, 0))
        #expect(try await !namespaces.list().contains(name))
        try await namespaces.create(name)
        #expect(try shell("ip netns exec \(name.text) ip -br link").contains("lo"))
        try await namespaces.delete(name)
    }

    @Test func `a name that others gave to a new namespace is the new one`() async throws {
        try await KernelNamespace.with { space in
            let bridge = NewLink(
                name: .device("kcb000001"), kind: .bridge, settings: LinkSettings(mtu: 1430, isUp: true))
            try await space.apply([.create(bridge)])
            _ = try shell("ip netns delete \(space.name.text)")
            await #expect(throws: NodeError.self) { try await space.table.observe(in: space.name) }
            _ = try shell("ip netns add \(space.name.text)")
            #expect(try await space.link(bridge.name) == nil)
            try await space.apply([.create(bridge)])
            #expect(try space.show(bridge.name)["ifname"] == .text("kcb000001"))
        }
    }

    @Test func `tasks never run away from home, however many namespaces are at work`() async throws {
        func place() -> String {
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
                guard let start = buffer.baseAddress else { return "" }
                let count = readlink("/proc/thread-self/ns/net", start, buffer.count)
                return count > 0 ? String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : ""
            }
        }
        let home = place()
        #expect(home.hasPrefix("net:["))
        try await KernelNamespace.with { first in
            try await KernelNamespace.with { second in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<200 {
                        group.addTask {
                            let space = number.isMultiple(of: 2) ? first : second
                            _ = try await space.table.observe(in: space.name)
                            #expect(place() == home)
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test func `this host can make every kind of device and says what bounds its groups`() async throws {
        let capabilities = try await LinuxHostProbing(threads: try NamespaceThreads()).capabilities()
        #expect(capabilities.missing == [:])
        let optmem = try #require(Int(try shell("cat /proc/sys/net/core/optmem_max").filter(\.isNumber)))
        #expect(capabilities.optmemMax == optmem)
        #expect(capabilities.multicastJoins == optmem / 56)
        let calls = try shell("cat /proc/sys/net/bridge/bridge-nf-call-*tables || true")
        #expect(capabilities.bridgeNetfilter == (calls.contains("No such") ? nil : calls.contains("1")))
    }
}
