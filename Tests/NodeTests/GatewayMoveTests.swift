import Addressing
import Frames
import NetworkModel
import NetworkNode
import NetworkPlanning
import NodePortsTesting
import Resources
import Testing
import Waiting

/// An agent that is given a gateway's role, and one from which it goes.
@Suite struct GatewayMoveTests {
    let host = Fixture.machine()
    let folder: Folder
    let port = Fixture.attachment(1, port: .gateway(Fixture.id(3, 1)))

    init() throws { folder = try Folder() }

    private func gateway(_ role: GatewayRole, term: UInt64) -> DesiredGateway {
        var gateway = Fixture.gateway(1, port: port)
        gateway.role = role
        gateway.term = term
        if role.isOver { gateway.ports = [:] }
        return gateway
    }

    @Test func `a router is announced when its port begins to forward, and not before`() async throws {
        let segment = Fixture.segment(1, ipam: .automatic)
        let next = gateway(.next, term: 7)
        let api = StandInAPI(Fixture.reset(1, segments: [segment], attachments: [port], gateways: [next]))
        try await withAgent(host, api, in: folder) { [self] in
            try await eventually("prepared", { host.dump }) {
                let report = api.report(Gateway.kind, next.id)
                return report?.phase == .wired && report?.details["role"] == "next"
            }
            #expect(host.sender.sent(in: .gateway(next.id)).isEmpty)
            api.push(HostUpdate(revision: Revision(2), gateways: [gateway(.active, term: 7)]))
            try await eventually("announced again and again") { host.sender.sent(in: .gateway(next.id)).count >= 6 }
            for frame in host.sender.sent(in: .gateway(next.id)) {
                #expect(frame.device == .gatewaySegment(segment.vni))
                let parsed = try EthernetFrame(parsing: frame.bytes)
                #expect(parsed.source == port.mac)
                guard case .ipv6(let packet) = parsed.payload, case .icmpv6(let message) = packet.content,
                    case .neighbourAdvertisement(let flags, let target, _) = message.body
                else {
                    Issue.record("not a neighbour advertisement: \(frame.bytes)")
                    return
                }
                #expect(flags == [.router, .override] && packet.source == target)
            }
            // A server that lags behind does not take the role back.
            api.push(HostUpdate(revision: Revision(3), gateways: [gateway(.next, term: 6)]))
            api.push(
                HostUpdate(revision: Revision(4), gateways: [gateway(.former, term: 8)], removedAttachments: [port.id]))
            try await eventually("clear", { host.dump }) {
                let report = api.report(Gateway.kind, next.id)
                return report?.phase == .wired && report?.details["role"] == "former"
            }
            #expect(host.model.observed.namespaces.isEmpty)
        }
    }
}
