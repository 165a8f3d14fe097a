import Addressing
package import NetworkModel
import NetworkPlanning
package import NodePorts

/// Which devices a capture listens at, and for whose frames. Pure.
package struct CapturePlan: Hashable, Sendable {
    package var devices: [CaptureReport.Device]
    package var order: CaptureOrder

    /// nil when the attachment is not on this host.
    package init?(_ task: CaptureTask, _ snapshot: HostSnapshot) {
        guard let attachment = snapshot.attachments[task.attachment],
            let segment = snapshot.segments[attachment.segment]
        else { return nil }
        devices = []
        order = CaptureOrder(places: [], flow: task.flow, peer: task.peer, snapLength: task.snapLength)
        for point in CapturePoint.allCases where task.points.contains(point) {
            switch point {
            case .port: add(point, attachment.portName, .all)
            case .bridge:
                // What goes to everybody is a copy of what came in, once for each port: only the attachment's own.
                let others = snapshot.attachments.values.filter { $0.segment == segment.id && $0.id != attachment.id }
                for port in Set(others.map(\.portName)).sorted() where port != attachment.portName {
                    add(point, port, .of(attachment.mac))
                }
            case .vxlan: add(point, .vxlan(segment.vni), .ofAndGroups(attachment.mac))
            case .underlay:
                add(
                    point, snapshot.host.interface,
                    .inTunnel(attachment.mac, segment.vni, port: snapshot.underlay.port))
            }
        }
    }

    private mutating func add(_ point: CapturePoint, _ device: InterfaceName, _ frames: CaptureOrder.Frames) {
        // One is left for each point that follows.
        guard devices.count < CaptureReport.maximumDevices - CapturePoint.allCases.count else { return }
        devices.append(CaptureReport.Device(point, device.text))
        order.places.append(CaptureOrder.Place(device, frames))
    }
}
