import NetworkModel
import Resources

/// The layers of a way, in the order in which they are judged: each stands on those before it. (A VXLAN device joins the
/// group, so a device that is down is no fault of multicast: devices come first.)
package enum PathLayer: String, Choice, CaseIterable {
    /// What the resources say: may these two talk at all?
    case intent
    /// Agents that answer.
    case agents
    /// Link, address, route, neighbour, echo.
    case underlay
    /// Packets as large as they may be.
    case mtu
    /// The gateway that the way leads through: its namespace and its daemons. Before the devices: its port is gone with it.
    case gateway
    /// The VXLAN device, the bridge, the ports, and where the bridge sends frames.
    case devices
    /// The tunnel's settings, and frames in UDP straight from host to host.
    case vxlan
    /// What goes to all members of the segment.
    case multicast
    /// Marked frames from port to port, through guards and policies.
    case guards = "guard"
    /// Router advertisements, as they come to the guests' ports. Before the guests: their addresses are made of them.
    case router
    /// Neighbour discovery and echo of the guests themselves.
    case guest
    /// Frames as large as the segment carries, from port to port, also those of TCP that devices are to finish.
    case data
    /// From the gateway on: its uplink or its port in the other segment, the target, and the way back.
    case beyond
    /// The resolver that guests of the segment ask.
    case names

    /// Those that are only on ways through gateways.
    private static let ofGateways: [PathLayer] = [.gateway, .beyond]
    /// Those that are only where somebody serves the segment.
    private static let ofServices: [PathLayer] = [.router, .names]

    /// Those of a way, in order.
    package static func all(throughGateway: Bool, served services: Set<PathLayer> = []) -> [PathLayer] {
        allCases.filter { layer in
            ofServices.contains(layer)
                ? services.contains(layer) : throughGateway || !ofGateways.contains(layer)
        }
    }

    /// The exit code of `kcnet path`, which stays a layer's own: 20 to 29, and from 30 on those of gateways and services.
    package var exitCode: Int32 {
        if let place = (Self.ofGateways + Self.ofServices).firstIndex(of: self) { return 30 + Int32(place) }
        return 20 + Int32(Self.all(throughGateway: false).firstIndex(of: self) ?? 0)
    }
}
