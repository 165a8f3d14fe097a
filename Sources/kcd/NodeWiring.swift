import LinuxBPF
import LinuxDaemons
import LinuxNetlink
import LinuxPacketFilter
import LinuxPackets
import Logging
import NetworkNode
import NodePorts

/// The agent's ports on Linux.
enum NodeWiring {
    /// Of an agent that works: with the program before the guard where the kernel takes it, and without one that another agent
    /// left.
    static func markingPorts(_ settings: NodeSettings) async throws(NodeError) -> HostPorts {
        var program: GuardProgram?
        do throws(NodeError) { program = try GuardProgram() } catch {
            Logger(label: "kc.node").notice(
                "the guard looks at every frame, since the program before it cannot be loaded",
                metadata: ["reason": "\(error)"])
        }
        let threads = try NamespaceThreads(guardProgram: program?.descriptor)
        try await NetlinkLinkTable(threads: threads).settleMarking()
        return try ports(settings, threads: threads, marks: program)
    }

    /// Of one that looks only, or takes everything away.
    static func ports(_ settings: NodeSettings) throws(NodeError) -> HostPorts {
        try ports(settings, threads: try NamespaceThreads(), marks: nil)
    }

    private static func ports(
        _ settings: NodeSettings, threads: NamespaceThreads, marks: GuardProgram?
    ) throws(NodeError) -> HostPorts {
        let daemonLog = Logger(label: "kc.daemons")
        let filter = NFTPacketFilter(marks: marks)
        let daemons = ProcessSupervisor(runDirectory: settings.runDirectory + "/daemons") { instance, line in
            daemonLog.info("\(line)", metadata: ["daemon": "\(instance)"])
        }
        return HostPorts(
            links: NetlinkLinkTable(threads: threads), filter: filter,
            namespaces: LinuxNamespaces(threads: threads),
            daemons: daemons, packets: NetfilterLog(), frames: PacketSocketSender(), records: filter,
            firewalls: NFTGatewayFirewall(), export: StaticRouteExport(threads: threads),
            translators: ChosenTranslators(
                kernel: GatewayTranslators(), tayga: TaygaTranslators(supervisor: daemons)),
            names: try KnotNameServer(
                runDirectory: settings.runDirectory, stateDirectory: settings.state.path),
            paths: PathProbing(
                survey: NetlinkWaySurvey(threads: threads), exchange: PacketExchange(),
                crossing: TapCrossing(threads: threads), guests: PortAsking(), gateways: GatewayEar(),
                tunnels: TunnelEar()),
            captures: FrameCapture())
    }

    /// What the kernel can do, in words for the host's report; empty when it cannot be found out.
    static func probe() async -> [String: String] {
        do throws(NodeError) {
            let found = try await LinuxHostProbing(threads: try NamespaceThreads()).capabilities()
            var words: [String: String] = [:]
            for kind in ["bridge", "tun", "veth", "vxlan"] {
                words[kind] = found.missing[kind].map { "missing: \($0)" } ?? "yes"
            }
            words["bridgeNetfilter"] = found.bridgeNetfilter == true ? "on" : "off"
            words["multicastJoins"] = found.multicastJoins.map(String.init)
            words["guard"] = GuardProgram.obstacle().map { "rules alone: \($0)" } ?? "program and rules"
            words["nat64"] = await GatewayTranslators().obstacle().map { "tayga: \($0)" } ?? "kernel"
            return words
        } catch {
            Logger(label: "kc.node").error("cannot probe the host", metadata: ["reason": "\(error)"])
            return [:]
        }
    }

    static func facts() -> HostFacts { HostFacts(kernel: HostFacts.kernelRelease(), version: version) }

    /// Of this program; in reports and the status file.
    static let version = "0.1.0"
}
