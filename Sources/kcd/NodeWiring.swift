import LinuxDaemons
import LinuxNetlink
import LinuxPacketFilter
import Logging
import NetworkNode
import NodePorts

/// The agent's ports on Linux.
enum NodeWiring {
    static func ports(_ settings: NodeSettings) throws(NodeError) -> HostPorts {
        let threads = try NamespaceThreads()
        let daemonLog = Logger(label: "kc.daemons")
        return HostPorts(
            links: NetlinkLinkTable(threads: threads), filter: NFTPacketFilter(),
            namespaces: LinuxNamespaces(threads: threads),
            daemons: ProcessSupervisor(runDirectory: settings.runDirectory + "/daemons") { instance, line in
                daemonLog.info("\(line)", metadata: ["daemon": "\(instance)"])
            })
    }

    static func facts() -> HostFacts { HostFacts(kernel: HostFacts.kernelRelease(), version: version) }

    /// Of this program; in reports and the status file.
    static let version = "0.1.0"
}
