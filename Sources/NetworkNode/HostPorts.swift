import NetworkModel
package import NodePorts

/// The ports through which the agent sees and changes its host.
package struct HostPorts: Sendable {
    package var links: any LinkTable
    package var filter: any PacketFilter
    package var namespaces: any Namespaces
    package var daemons: any DaemonSupervisor
    package var packets: any PacketLog
    package var frames: any FrameSender
    package var records: any FilterRecords
    /// nil where the host cannot have one.
    package var names: (any NameServer)?
    package var firewalls: any GatewayFirewall
    package var export: any RouteExport
    package var translators: any Translators
    /// nil where the agent cannot measure ways.
    package var paths: PathProbing?
    /// nil where the agent cannot capture frames.
    package var captures: (any FrameCapturing)?

    package init(
        links: any LinkTable, filter: any PacketFilter, namespaces: any Namespaces, daemons: any DaemonSupervisor,
        packets: any PacketLog, frames: any FrameSender, records: any FilterRecords,
        firewalls: any GatewayFirewall, export: any RouteExport, translators: any Translators,
        names: (any NameServer)? = nil, paths: PathProbing? = nil,
        captures: (any FrameCapturing)? = nil
    ) {
        self.captures = captures
        self.paths = paths
        self.names = names
        self.firewalls = firewalls
        self.export = export
        self.links = links
        self.filter = filter
        self.namespaces = namespaces
        self.daemons = daemons
        self.packets = packets
        self.frames = frames
        self.records = records
        self.translators = translators
    }

    /// Frames that guards, policies and the gates of ports dropped.
    func droppedFrames() async throws(NodeError) -> DropCounts {
        var counts = try await records.droppedFrames()
        for (port, frames) in try await links.closedFrames() {
            counts[port, default: [:]][DropExplanation.closed.rawValue] = frames
        }
        return counts
    }
}
