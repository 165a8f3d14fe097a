import Addressing
import CMnl
import Glibc
import NetworkPlanning
package import NodePorts

/// Finds out what this host's kernel can do: device kinds by making them in a namespace that has no name and is gone
/// afterwards, settings by reading them.
package struct LinuxHostProbing: HostProbing {
    private let threads: NamespaceThreads

    package init(threads: NamespaceThreads) { self.threads = threads }

    package func capabilities() async throws(NodeError) -> HostCapabilities {
        let missing = try await tryKinds()
        return try await threads.thread(for: nil).run { _ in
            let calls = ["iptables", "ip6tables", "arptables"].compactMap {
                DeviceFiles.number(at: "/proc/sys/net/bridge/bridge-nf-call-\($0)")
            }
            return HostCapabilities(
                missing: missing, optmemMax: DeviceFiles.number(at: "/proc/sys/net/core/optmem_max"),
                bridgeNetfilter: calls.isEmpty ? nil : calls.contains { $0 != 0 })
        }
    }

    private func tryKinds() async throws(NodeError) -> [String: String] {
        let home = threads.home
        let outcome: Result<[String: String], NodeError> = await withCheckedContinuation { continuation in
            do throws(KernelError) {
                try startThread { continuation.resume(returning: Self.tryKinds(home: home)) }
            } catch {
                continuation.resume(returning: .failure(error.error("probe", "device kinds")))
            }
        }
        return try outcome.get()
    }

    /// On a thread of its own, which is home again when it answers.
    private static func tryKinds(home: HomeNamespace) -> Result<[String: String], NodeError> {
        guard unshare(Int32(CMNL_CLONE_NEWNET)) == 0 else {
            return .failure(KernelError.last("unshare(CLONE_NEWNET)").error("probe", "device kinds"))
        }
        defer { home.enter() }
        do throws(KernelError) {
            let work = LinkWork(context: try NamespaceContext())
            var missing: [String: String] = [:]
            for (kind, new) in Self.samples {
                do throws(NodeError) { try work.perform(.create(new)) } catch {
                    missing[kind] = error.message
                }
            }
            return .success(missing)
        } catch {
            return .failure(error.error("probe", "device kinds"))
        }
    }

    /// One device of each kind; the bridge stands in for the underlay of the VXLAN.
    private static var samples: [(String, NewLink)] {
        guard let bridge = interfaceName("kcprobe-b"), let vxlan = interfaceName("kcprobe-x"),
            let tap = interfaceName("kcprobe-t"), let veth = interfaceName("kcprobe-v")
        else { return [] }
        let settings = LinkSettings(mtu: 1280, isUp: false)
        var samples = [
            ("bridge", NewLink(name: bridge, kind: .bridge, settings: LinkSettings(mtu: 1500, isUp: false))),
            ("tun", NewLink(name: tap, kind: .tap, settings: settings)),
            ("veth", NewLink(name: veth, kind: .veth, settings: settings)),
        ]
        do throws(AddressingError) {
            let vxlanSettings = VXLANSettings(
                vni: try VNI(1), group: nil, local: .loopback, link: bridge, port: 4789, hopLimit: 64)
            samples.append(("vxlan", NewLink(name: vxlan, kind: .vxlan(vxlanSettings), settings: settings)))
        } catch {
            preconditionFailure("VNI 1 is valid: \(error)")
        }
        return samples
    }
}
