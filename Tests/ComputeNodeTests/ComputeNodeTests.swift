import ComputeModel
import ComputeNode
import ComputePlanning
import Glibc
import LinuxProcesses
import Resources
import TestComputeHosts
import TestNamespaces
import Testing
import Waiting

/// The agent on a real libvirtd with real guests, by emulation.
@Suite(.serialized)
struct ComputeNodeTests {
    @Test func `a VM waits for its port, runs, changes, outlives everything, and is gone with its order`() async throws
    {
        let host = try await TestComputeHost()
        var order = try host.order(1, isWired: false)
        try host.makePorts(of: order)
        try host.libvirtd.virsh("define", try Self.foreign(in: host))
        func report() -> VirtualMachineReport? { host.upstream.report(order.id) }
        func state() -> String { "\(String(describing: report()))\n\(String(describing: host.upstream.host))" }

        try await host.withAgent {
            host.upstream.order(order)
            try await eventually("it waits for its port", state) {
                report()?.state == .waiting && report()?.obstacle?.kind == .attachmentsWired
            }
            #expect(host.guest(order) == nil)
            #expect(host.upstream.host?.foreign == ["somebody"])
            let capacity = try #require(host.upstream.host?.capacity)
            #expect(capacity.cpus > 0 && capacity.memoryMiB > 0 && capacity.diskGiB > 0)

            order = try host.order(1)
            host.upstream.order(order)
            try await eventually("it runs", state) { report()?.state == .running }
            try await eventually("it answers", state, within: .seconds(60)) { host.answers(order.interfaces[0]) }

            order = try host.order(1, networks: 2)
            try host.makePorts(of: order)
            host.upstream.order(order)
            try await eventually("its new NIC answers", state, within: .seconds(30)) {
                host.answers(order.interfaces[1])
            }

            // It goes, and comes once more.
            func nics() throws -> Int {
                try host.libvirtd.virsh("domiflist", "kc-\(order.id)").split(separator: "\n").count
            }
            host.upstream.order(try host.order(1))
            try await eventually("the guest has let go of its second NIC", state) { try nics() == 1 }
            #expect(host.answers(order.interfaces[0]))
            host.upstream.order(order)
            try await eventually("it has it again", state) { try nics() == 2 && host.answers(order.interfaces[1]) }
        }
        let pid = try #require(host.guest(order))

        // The agent is away; then libvirtd is killed and comes back.
        try await host.withAgent {
            try await eventually("the agent has looked", state) { report()?.state == .running }
            host.libvirtd.kill()
            try await eventually("the host says that nobody answers", state) {
                !(host.upstream.host?.message.isEmpty ?? true)
            }
            try host.libvirtd.start()
            try await eventually("the host is well again", state) { host.upstream.host?.message == "" }
            #expect(host.guest(order) == pid, "no guest was touched")

            order = try host.order(1, networks: 2, reboots: 1, graceSeconds: 8)
            host.upstream.order(order)
            try await eventually("its reboot is done", state, within: .seconds(40)) { try Self.reboots(host) == 1 }
            #expect(host.guest(order) == pid, "a reboot keeps the process")

            // It vanishes, and is started again.
            kill(pid, SIGKILL)
            try await eventually("it runs again", state) { host.guest(order).map { $0 != pid } ?? false }
            try await eventually("it answers again", state, within: .seconds(60)) { host.answers(order.interfaces[0]) }

            order = try host.order(1, power: .off, networks: 2)
            host.upstream.order(order)
            try await eventually("it has ended by itself", state, within: .seconds(30)) { report()?.state == .stopped }
            #expect(try host.libvirtd.virsh("domstate", "--reason", "kc-\(order.id)").contains("shutdown"))

        }
        // Said while the agent was away, and again when it is back, until it is done.
        host.upstream.removeAloud(order.id)
        try await host.withAgent {
            try await eventually("the agent says that it is done", state) { host.upstream.removals.isEmpty }
            try await eventually("nothing of it is left", state) {
                try host.libvirtd.virsh("list", "--all", "--name").split(separator: "\n") == ["somebody"]
                    && command("/usr/bin/find", host.paths.disks, "-type", "f").isEmpty
            }
        }
    }

    @Test func `a guest that does not listen loses its power when its time is over`() async throws {
        let host = try await TestComputeHost()
        let order = try host.order(1, graceSeconds: 2)
        try host.makePorts(of: order)
        try await host.withAgent {
            host.upstream.order(order)
            try await eventually("it runs") { host.upstream.report(order.id)?.state == .running }
            // The firmware has no ear for the power button, nor has a kernel that is still starting.
            host.upstream.order(try host.order(1, power: .off, graceSeconds: 1))
            try await eventually("it is off") { host.upstream.report(order.id)?.state == .stopped }
            #expect(host.guest(order) == nil)
        }
    }

    @Test func `a libvirtd that hangs, and is killed in the middle of a create, costs neither the agent nor the VM`()
        async throws
    {
        let host = try await TestComputeHost(deadline: .seconds(1))
        let order = try host.order(1)
        try host.makePorts(of: order)
        func state() -> String { "\(String(describing: host.upstream.host))" }
        try await host.withAgent {
            try await eventually("the host is known", state) { host.upstream.host != nil }
            host.libvirtd.send(SIGSTOP)
            host.upstream.order(order)
            try await eventually("the host says that libvirt hangs", state) {
                host.upstream.host?.message.contains("has not answered") ?? false
            }
            host.libvirtd.kill()
            try host.libvirtd.start()
            // As soon as it begins to make the domain.
            try await eventually("it is being made", state) {
                access("\(host.libvirtd.folder)/etc/qemu/kc-\(order.id).xml", F_OK) == 0
            }
            host.libvirtd.kill()
            try host.libvirtd.start()
            try await eventually("it runs", state, within: .seconds(40)) {
                host.upstream.report(order.id)?.state == .running && host.guest(order) != nil
            }
            let running = try command("/usr/bin/pgrep", "-c", "-f", "guest=kc-\(order.id).*\(host.libvirtd.folder)")
            #expect(running == "1\n", "one process has its disk")
        }
    }

    private static func foreign(in host: TestComputeHost) throws -> String {
        let path = host.libvirtd.folder + "/foreign.xml"
        let xml = """
            <domain type='qemu'><name>somebody</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
            <os><type arch='x86_64' machine='q35'>hvm</type></os></domain>
            """
        try command("/bin/bash", "-c", "printf %s \"$1\" >\"$2\"", "bash", xml, path)
        return path
    }

    private static func reboots(_ host: TestComputeHost) throws -> Int {
        let text = try command("/usr/bin/jq", "-r", ".reboots[0].count", host.libvirtd.folder + "/kc/orders.json")
        return Int(text.split(separator: "\n").first ?? "") ?? -1
    }
}
