package import Addressing
import CMnl
import Glibc
import NetworkModel
import NetworkPlanning
package import NodePorts

/// Two network namespaces without names, each with one end of a veth pair and a VXLAN device on it, for as long as
/// something is tried between them. The near end of the pair computes no checksums and cuts nothing: what leaves it is what
/// the kernel itself makes. Needs root; the kernel takes all of it away when the trial ends, in whatever way.
package struct ScratchTunnel: Sendable {
    private let threads: NamespaceThreads

    package init(threads: NamespaceThreads) { self.threads = threads }

    /// Of the veth pair.
    package static let mtu = 1500

    /// The devices of one namespace.
    package struct End: Sendable {
        package var underlay: InterfaceName
        package var tunnel: InterfaceName
    }

    /// Opens what a trial needs in each namespace, and runs it, all on one thread.
    package func run<Near, Far, Answer: Sendable>(
        near: @escaping @Sendable (End) throws(NodeError) -> Near,
        far: @escaping @Sendable (End) throws(NodeError) -> Far,
        _ trial: @escaping @Sendable (Near, Far) throws(NodeError) -> Answer
    ) async throws(NodeError) -> Answer {
        let home = threads.home
        let outcome: Result<Answer, NodeError> = await withCheckedContinuation { continuation in
            do throws(KernelError) {
                try startThread { continuation.resume(returning: Self.away(home, near, far, trial)) }
            } catch {
                continuation.resume(returning: .failure(error.error("try", "a tunnel")))
            }
        }
        return try outcome.get()
    }

    /// On a thread of its own, which is home again when it answers.
    private static func away<Near, Far, Answer>(
        _ home: HomeNamespace, _ near: (End) throws(NodeError) -> Near, _ far: (End) throws(NodeError) -> Far,
        _ trial: (Near, Far) throws(NodeError) -> Answer
    ) -> Result<Answer, NodeError> {
        defer { home.enter() }
        do throws(NodeError) {
            let (first, second) = (try names("n"), try names("f"))
            let here = try newNamespace()
            // The peer is born here, whatever its namespace is called.
            guard let namespace = NamespaceName("kcprobe") else {
                throw NodeError(.protocolViolation, operation: "try", subject: "a tunnel")
            }
            let pair = NewLink(
                name: first.underlay, kind: .veth, settings: LinkSettings(mtu: mtu, isUp: false),
                peer: NewPeer(
                    namespace: namespace, name: second.underlay, settings: LinkSettings(mtu: mtu, isUp: false)))
            try here.perform(.create(pair))
            guard let index = here.context.index(of: second.underlay) else {
                throw NodeError(.errno(ENODEV), operation: "try", subject: second.underlay.text)
            }
            try leaveToKernel(first.underlay, here)
            let sender = try near(try finish(first, host: 1, here))
            let there = try newNamespace()
            let descriptor = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw KernelError.last("open").error("try", "/proc/thread-self/ns/net") }
            defer { close(descriptor) }
            here.request.move(index: index, to: descriptor, as: second.underlay)
            do throws(KernelError) { try here.netlink.acknowledge() } catch {
                throw error.error("move", second.underlay.text)
            }
            let receiver = try far(try finish(second, host: 2, there))
            return .success(try trial(sender, receiver))
        } catch {
            return .failure(error)
        }
    }

    private static func names(_ letter: String) throws(NodeError) -> End {
        guard let underlay = interfaceName("kcprobe-\(letter)u"), let tunnel = interfaceName("kcprobe-\(letter)t")
        else {
            throw NodeError(.protocolViolation, operation: "name", subject: letter)
        }
        return End(underlay: underlay, tunnel: tunnel)
    }

    private static func newNamespace() throws(NodeError) -> LinkWork {
        guard unshare(Int32(CMNL_CLONE_NEWNET)) == 0 else {
            throw KernelError.last("unshare(CLONE_NEWNET)").error("try", "a tunnel")
        }
        do throws(KernelError) { return LinkWork(context: try NamespaceContext()) } catch {
            throw error.error("try", "a tunnel")
        }
    }

    /// The address, the tunnel's device, and both up.
    private static func finish(_ end: End, host: UInt64, _ work: LinkWork) throws(NodeError) -> End {
        // fd00::/8 is for private use (RFC 4193), ff15::/16 for groups of a site (RFC 4291 section 2.7).
        let address = IPv6Address(high: 0xfd00 << 48, low: host)
        let group = IPv6Address(high: 0xff15 << 48, low: 0x8b00_0001)
        try work.perform(.change(end.underlay, LinkChange(isUp: true)))
        try work.perform(.addAddress(end.underlay, InterfaceAddress(address, length: 64)))
        let vni: VNI
        do throws(AddressingError) { vni = try VNI(1) } catch { preconditionFailure("VNI 1 is valid: \(error)") }
        let settings = VXLANSettings(
            vni: vni, group: group, local: address, link: end.underlay, port: 4789, hopLimit: 64)
        try work.perform(
            .create(
                NewLink(
                    name: end.tunnel, kind: .vxlan(settings),
                    settings: LinkSettings(mtu: mtu - 70, isUp: true, ipv6Disabled: true))))
        return end
    }

    private static func leaveToKernel(_ device: InterfaceName, _ work: LinkWork) throws(NodeError) {
        guard work.context.leaveChecksumsToKernel(device) else {
            throw KernelError.last("ETHTOOL_STXCSUM").error("try", device.text)
        }
    }
}
