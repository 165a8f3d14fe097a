import NetworkModel

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
    /// The VXLAN device, the bridge, the ports, and where the bridge sends frames.
    case devices
    /// The tunnel's settings, and frames in UDP straight from host to host.
    case vxlan
    /// What goes to all members of the segment.
    case multicast
    /// Marked frames from port to port, through guards and policies.
    case guards = "guard"
    /// Neighbour discovery and echo of the guests themselves.
    case guest
    /// Frames as large as the segment carries, from port to port.
    case data

    /// In the exit code of `kcnet path`: 20 plus the place: 20 to 29.
    package var exitCode: Int32 {
        20 + Int32(Self.allCases.firstIndex(of: self) ?? 0)
    }
}
