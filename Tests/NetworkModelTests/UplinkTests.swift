import Addressing
import NetworkModel
import Resources
import Testing

/// Gateways with uplinks, limits and guests as routers, as users write them.
@Suite struct UplinkTests {
    private func read(_ text: String) throws -> Gateway.Spec {
        try Gateway.Spec(json: JSONParser.parse(Array(text.utf8)), path: "spec")
    }

    @Test(arguments: [
        #"{"host":"h1","segments":[],"uplink":{"type":"routed"}}"#,
        #"{"host":"h1","segments":["web"],"uplink":{"type":"routed","ipv4":{"address":"192.0.2.2/31","nextHop":"192.0.2.3"}}}"#,
        #"{"host":"h1","segments":[],"uplink":{"type":"interface","interface":"eth1","nextHop":"fe80::1"}}"#,
        #"{"host":"h1","segments":[],"uplink":{"type":"interface","interface":"eth1","addresses":["2001:db8::2/64"],"nextHop":"2001:db8::1"},"policies":["deny-in"],"limits":{"newFlowsPerSource":5,"bandwidthPerSegment":64000}}"#,
        #"{"type":"attachment","attachment":"firewall"}"#,
        #"{"type":"attachment","attachment":"firewall","segments":["web"]}"#,
    ])
    func `gateways are read and written`(text: String) throws {
        let spec = try read(text)
        #expect(try Gateway.Spec(json: JSONParser.parse(spec.json), path: "spec") == spec)
    }

    @Test(arguments: [
        (#"{"host":"h1"}"#, "spec.segments"), (#"{"segments":[]}"#, "spec.host"),
        (#"{"type":"attachment"}"#, "spec.attachment"),
        (#"{"type":"attachment","attachment":"a","host":"h1"}"#, "spec.host"),
        (#"{"type":"attachment","attachment":"a","uplink":{"type":"routed"}}"#, "spec.uplink"),
        (#"{"host":"h1","segments":[],"attachment":"a"}"#, "spec.attachment"),
        (#"{"host":"h1","segments":[],"uplink":{}}"#, "spec.uplink.type"),
        (#"{"host":"h1","segments":[],"uplink":{"type":"routed","interface":"eth1"}}"#, "spec.uplink.interface"),
        (#"{"host":"h1","segments":[],"uplink":{"type":"interface","interface":"eth1"}}"#, "spec.uplink.nextHop"),
        (
            #"{"host":"h1","segments":[],"uplink":{"type":"interface","interface":"eth1","nextHop":"2001:db8::1"}}"#,
            "spec.uplink.nextHop"
        ),
        (
            #"{"host":"h1","segments":[],"uplink":{"type":"interface","interface":"e","addresses":["2001:db8::1/64"],"nextHop":"2001:db8::1"}}"#,
            "spec.uplink.nextHop"
        ),
        (
            #"{"host":"h1","segments":[],"uplink":{"type":"interface","interface":"e","addresses":["2001:db8::1"],"nextHop":"fe80::1"}}"#,
            "spec.uplink.addresses[0]"
        ),
        (
            #"{"host":"h1","segments":[],"uplink":{"type":"routed","ipv4":{"address":"192.0.2.2/30","nextHop":"192.0.2.5"}}}"#,
            "spec.uplink.ipv4.nextHop"
        ),
        (#"{"host":"h1","segments":[],"limits":{"newFlowsPerSource":0}}"#, "spec.limits.newFlowsPerSource"),
        (#"{"host":"h1","segments":[],"policies":["deny-in","deny-in"]}"#, "spec.policies"),
    ])
    func `what is wrong is refused by field`(text: String, field: String) {
        do {
            _ = try read(text)
            Issue.record("accepted: \(text)")
        } catch let error as FieldError {
            #expect(error.field == field, "\(text): \(error)")
        } catch {
            Issue.record("\(text): \(error)")
        }
    }

    @Test func `an agent that knows no uplinks is told of none`() throws {
        let id = try #require(ResourceID("00000000-0000-4000-8000-000000000001"))
        let gateway = DesiredGateway(
            id: id, generation: 1, ports: [:], resolvers: [], uplink: GatewayUplink(.routed),
            policies: [.builtIn(.denyIn)], limits: GatewayLimits(newFlowsPerSource: 7))
        let update = HostUpdate(revision: Revision(1), gateways: [gateway])
        let newest = try HostUpdate(json: JSONParser.parse(update.json), path: "")
        #expect(newest.gateways == [gateway])
        let older = try HostUpdate(json: JSONParser.parse(update.json(.isolation)), path: "")
        #expect(older.gateways == [DesiredGateway(id: id, generation: 1, ports: [:], resolvers: [])])
    }
}
