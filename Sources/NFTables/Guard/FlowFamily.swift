/// What the rules about flows have different between IPv6 and IPv4; all else they share.
struct FlowFamily {
    private typealias S = KCRuleset.Sets

    /// What the names of its chains end with.
    let suffix: String
    /// The protocol number of its control messages.
    let icmp: UInt64
    /// Those that every port may get: errors and echoes, and what neighbours need.
    let welcome: [UInt64]
    let tcpFlows: NamedSet
    let udpFlows: NamedSet
    let otherFlows: NamedSet
    let ingress: NamedSet
    let egress: NamedSet
    let admitted: NamedSet
    let source: Field
    let destination: Field
    /// The destination is a group.
    let isToGroup: Match
    let isLaterFragment: [Match]
    /// The UDP ports of what a DHCP client sends to servers, and of what it gets, source and destination in one.
    let fromClient: UInt64
    let toClient: UInt64

    func chain(_ name: String) -> Identifier { Identifier(derived: name + suffix) }
    func goto(_ name: String) -> Verdict { .goto(chain(name)) }

    static let ipv6 = FlowFamily(
        suffix: "", icmp: 58, welcome: [1, 2, 3, 4, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 143],
        tcpFlows: S.tcpFlows, udpFlows: S.udpFlows, otherFlows: S.otherFlows, ingress: S.ingress, egress: S.egress,
        admitted: S.admitted, source: .ipv6Source, destination: .ipv6Destination,
        isToGroup: .equal(S.destinationFirstByte, .number(0xff)),
        isLaterFragment: [.equal(S.nextHeader, .number(44)), .notEqual(.network(336, 13), .number(0))],
        // RFC 8415 section 7.2.
        fromClient: 0x0222_0223, toClient: 0x0223_0222)

    static let ipv4 = FlowFamily(
        suffix: "-ipv4", icmp: 1, welcome: [0, 3, 8, 11, 12], tcpFlows: S.tcpFlowsIPv4, udpFlows: S.udpFlowsIPv4,
        otherFlows: S.otherFlowsIPv4, ingress: S.ingressIPv4, egress: S.egressIPv4, admitted: S.admittedIPv4,
        source: .ipv4Source, destination: .ipv4Destination,
        // The group bit of the Ethernet address: broadcasts too.
        isToGroup: .anyBit(.link(0, 8), 1),
        isLaterFragment: [.notEqual(.network(51, 13), .number(0))],
        // RFC 2131 section 4.1.
        fromClient: 0x0044_0043, toClient: 0x0043_0044)

    /// The fields of a flow as its answers have them.
    var reply: [Field] { [.outputIndex, destination, source, S.destinationPort, S.sourcePort] }
    /// The same of protocols without ports.
    var otherReply: [Field] { [.outputIndex, destination, source, .transportProtocol] }
}
