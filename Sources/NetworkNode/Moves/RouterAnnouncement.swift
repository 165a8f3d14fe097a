package import Addressing
import Frames
import Logging
import NFTables
package import NetworkModel
import NetworkPlanning
import NodePorts
import Resources

/// Unsolicited neighbour advertisements of a router on one segment (RFC 4861 section 7.2.6), when its port begins to
/// forward: every bridge and tunnel on the way learns from their source where the router is now. Its neighbours know its
/// addresses already, which are the same wherever it is.
package struct RouterAnnouncement: Hashable, Sendable {
    package var namespace: NamespaceName
    package var device: InterfaceName
    package var mac: MACAddress
    /// The router's on the segment.
    package var addresses: [IPv6Address]

    package init(namespace: NamespaceName, device: InterfaceName, mac: MACAddress, addresses: [IPv6Address]) {
        self.namespace = namespace
        self.device = device
        self.mac = mac
        self.addresses = addresses
    }

    private static let allNodes = IPv6Address(high: 0xff02 << 48, low: 1)
    /// 33-33 and the last 32 bits of the group (RFC 2464 section 7).
    private static let allNodesMAC = MACAddress(0x3333_0000_0001)

    /// One for each address. The router flag stays set: without it a guest takes the router off its list (RFC 4861
    /// section 7.2.5).
    package var frames: [[UInt8]] {
        addresses.sorted().map { address in
            let message = ICMPv6Message(
                .neighbourAdvertisement([.router, .override], target: address, [.targetLinkLayer(mac)]))
            return EthernetFrame(
                to: Self.allNodesMAC, from: mac,
                .ipv6(IPv6Packet(from: address, to: Self.allNodes, hopLimit: 255, .icmpv6(message)))
            ).bytes
        }
    }

    /// After the first: the former holder may forward for a moment longer, and what comes from there is learned too.
    static let pauses: [Duration] = [
        .zero, .milliseconds(50), .milliseconds(150), .milliseconds(300), .milliseconds(500), .seconds(1), .seconds(2),
    ]

    /// Says each several times. A namespace that is gone meanwhile has nothing left to say.
    static func repeatedly(
        _ announcements: [RouterAnnouncement], by sender: any FrameSender, _ logger: Logger
    ) async {
        let byNamespace = Dictionary(grouping: announcements, by: \.namespace)
        for pause in pauses {
            // The only error of a sleep is cancellation.
            if pause > .zero { do { try await Task.sleep(for: pause) } catch { return } }
            for (namespace, list) in byNamespace {
                let frames = list.flatMap { entry in entry.frames.map { (bytes: $0, device: entry.device) } }
                do throws(NodeError) { try await sender.send(frames, in: namespace) } catch {
                    logger.debug("a router was not announced", metadata: ["reason": "\(error)"])
                }
            }
        }
    }
}

extension Convergence {
    /// Gateways' ports that a turn has let through.
    mutating func noteOpened(_ outcome: PlanOutcome) {
        guard let desired = state?.desired else { return }
        for step in outcome.done {
            guard case .filter(.change(.port(let name), remove: _, add: let added)) = step.operation,
                added.contains(.ready(name)), case .attachment(let id) = names[name],
                let attachment = desired.attachments[id], case .gateway(let gateway) = attachment.port,
                let segment = desired.segments[attachment.segment]
            else { continue }
            announcements.append(
                RouterAnnouncement(
                    namespace: .gateway(gateway), device: .gatewaySegment(segment.vni), mac: attachment.mac,
                    addresses: RouterAddresses.all(
                        of: attachment, on: segment, serving: desired.gateways[gateway]?.services.isEmpty == false)))
        }
    }

    /// What is to be said since it was asked last.
    mutating func takeAnnouncements() -> [RouterAnnouncement] {
        defer { announcements = [] }
        return announcements
    }
}
