/// Segments and what is on them.
extension Specs {
    static let segment = Shape.object(
        .must(
            "ipam", .choice("none", "manual", "automatic"),
            "Layer 2 alone; a /64 that nobody advertises; a /64 that the gateway advertises."),
        .may("vni", .vni, "Left out: the next of the VNI pools."),
        .may("prefix", .prefix, "A /64; left out: the next of the prefix pools. Not with ipam none."),
        .may(
            "replication", .choice("multicast", "unicast"),
            "How frames to many reach the other hosts; left out: as the underlay can."),
        .may(
            "dhcp", Shape.choice("none", "stateless", "stateful").standard("none"),
            "DHCPv6 beside router advertisements: none, for resolvers and domains, for addresses. With ipam automatic alone."
        ),
        .may(
            "ipv4",
            .object(
                .must("prefix", .text(like: "10.0.0.0/24"), "A /8 to a /29; its first host address is the gateway's.")
            )
            .called("SegmentIPv4"),
            "IPv4 inside the segment; left out: guests have none."))

    static let attachment = Shape.object(
        .must("segment", .reference("The segment")),
        .may("host", .text(1...63), "Where the port is made, by name or id; left out: nowhere yet."),
        .may("mac", .mac, "Left out: one of the MAC pools."),
        .may("addresses", .of(.address, 0...16), "Static ones inside the segment's /64."),
        .may("port", port, "Left out: a tap."),
        .may(
            "policies", .of(.reference("A policy"), 1...8),
            "What any of them lets through passes; left out: allow-segment."),
        .may(
            "allowedAddresses", .of(.prefix, 0...32),
            "Sources beside its own: for routers and virtual addresses."),
        .may("limits", limits, "What exceeds one is dropped and counted as rate."),
        .may(
            "learnedAddresses", .integer(0...64, standard: 16),
            "How many addresses the guest may take for itself (SLAAC, privacy addresses)."),
        .may(
            "delegated",
            .object(.must("length", .integer(48...64), "Of the prefix, in bits.")).called("DelegatedPrefix"),
            "A prefix for the networks behind an attachment that is a router (DHCPv6-PD)."),
        .may("ipv4", .ipv4, "On a segment with IPv4; left out: KC chooses."))

    /// The port of a gateway is shown and never written: KC makes it with the gateway.
    private static let port = Shape.either(
        .object(.must("type", .constant("tap"), "A tap device, for a VM.")).called("TapPort"),
        .object(
            .must("type", .constant("namespace"), "A veth whose other end is put into a network namespace."),
            .must("namespace", .text(1...64, like: "web"), "Its name, as ip netns has it; never a path."),
            .may("interface", Shape.interface.standard("eth0"), "What the end is called there.")
        ).called(
            "NamespacePort"),
        .object(
            .must("type", .constant("external"), "An operator's own interface, taken into the bridge."),
            .must("interface", .interface)
        ).called("ExternalPort"),
        .object(
            .must("type", .constant("gateway"), "Of a managed gateway; made by KC."),
            .must("gateway", .text(format: "uuid"))
        ).called("GatewayPort")
    ).called("AttachmentPort")

    private static let bandwidth = Shape.integer(64_000...1_000_000_000_000).saying("Bits of frames a second.")
    private static let packets = Shape.integer(10...100_000_000)

    private static let limits = Shape.object(
        .may(
            "in", .object(.may("bandwidth", bandwidth), .may("packetsPerSecond", packets)).called("InwardLimits"),
            "Towards the guest."),
        .may(
            "out",
            .object(
                .may("bandwidth", bandwidth), .may("packetsPerSecond", packets),
                .may("newFlowsPerSecond", .integer(1...1_000_000), "Flows that begin here."),
                .may("multicastPerSecond", .integer(1...1_000_000), "Frames to groups, Neighbor Discovery excepted."),
                .may("ndPerSecond", .integer(10...100_000), "Neighbor Discovery messages.")
            ).called("OutwardLimits"),
            "From the guest.")
    ).called("AttachmentLimits")

    static let policy = Shape.object(
        .may("ingress", rules("from"), "Who may begin to talk to an attachment; left out: nobody."),
        .may("egress", rules("to"), "With whom it may begin to talk; left out: with everybody, empty: with nobody."))

    private static func rules(_ peers: String) -> Shape {
        .of(
            .object(
                .must(
                    "protocol",
                    .choice(
                        "any", "tcp", "udp", "sctp", "icmpv6", "esp", "gre", "ipip", "ipv6", "ospf", "vrrp", "udplite")),
                .may(
                    "ports", .of(.text(pattern: "^[0-9]{1,5}(-[0-9]{1,5})?$"), 0...64),
                    "Destination ports, like 22 or 8000-8010; left out: all."),
                .may("types", .of(.integer(0...255), 0...64), "ICMPv6 types; left out: all that guards let pass."),
                .may(
                    peers,
                    .of(
                        .either(
                            .object(.must("prefix", .prefix, "Of IPv6, or of IPv4 as the translator shows it."))
                                .called("PrefixPeer"),
                            .object(.must("policy", .reference("A policy whose members are meant")))
                                .called("PolicyPeer")
                        ).called("PolicyRulePeer"),
                        1...256),
                    "Left out: anyone."),
                .may("log", .boolean(standard: false), "Packets that begin a flow are logged."),
                .may("rate", .integer(1...1_000_000), "How many packets a second may begin a flow.")
            ).called(peers == "from" ? "IngressRule" : "EgressRule"),
            0...256, isSet: false)
    }

    static let mapping = Shape.object(
        .must("attachment", .reference("Whose it is")),
        .may("address", .address, "Which of the attachment's addresses; left out: the first one known."),
        .may("ipv4", .ipv4, "Out of a pool of type ipv4; left out: the next free one."),
        .may("pool", .text(1...63), "Where it comes from, by name or id; left out: any."))

    static func gateway(isShown: Bool) -> Shape {
        let host = Shape.reference("The host that carries it")
        return .either(
            .object(
                .may("type", .constant("managed"), "KC runs the router in a namespace of a host."),
                isShown ? .may("host", host) : .must("host", host),
                .must("segments", .of(.reference("A segment"), 0...1000, isSet: false), "Whose router it is."),
                .may(
                    "resolvers", .of(.address, 0...8, isSet: false),
                    "Recursive resolvers that guests are told of (RDNSS)."),
                .may(
                    "resolver",
                    .object(.may("forwarders", .of(.address, 0...4), "Whom it asks; left out: the roots."))
                        .called("GatewayResolver"),
                    "A recursive resolver of the gateway's own."),
                .may("nat64", nat64, "The segments' way to IPv4."),
                .may("uplink", uplink, "The way out; without one guests get no default route."),
                .may("policies", .of(.reference("A policy"), 0...8), "What crosses the uplink; left out: everything."),
                .may(
                    "limits",
                    .object(
                        .may("newFlowsPerSource", .integer(1...1_000_000), "Flows a second that one source may begin."),
                        .may(
                            "bandwidthPerSegment", .integer(64_000...1_000_000_000_000),
                            "Bits a second to each segment, and as many from it.")
                    ).called("GatewayLimits"))
            ).called(isShown ? "ManagedGatewayShown" : "ManagedGateway"),
            .object(
                .must("type", .constant("attachment"), "The guest behind an attachment is the router."),
                .must("attachment", .reference("Whose guest it is")),
                .may("segments", .of(.reference("A segment"), 0...1, isSet: false), "That of the attachment.")
            ).called("AttachmentGateway"))
    }

    private static let nat64 = Shape.object(
        .may(
            "prefix", Shape.text(like: "64:ff9b:1::/96").standard("64:ff9b::/96"),
            "Where segments see the IPv4 world; always a /96."),
        .may(
            "pool", .text(1...63),
            "The pool of the gateway's own IPv4 address, behind which attachments without a mapping reach IPv4."),
        .may("dns64", .boolean(standard: true), "Its resolver makes AAAA records of A records.")
    ).called("GatewayNAT64")

    private static let uplink = Shape.either(
        .object(
            .must("type", .constant("routed"), "Through the host's own routes."), .may("ipv4", uplinkIPv4)
        ).called("RoutedUplink"),
        .object(
            .must("type", .constant("interface"), "An operator's interface, moved into the gateway's namespace."),
            .must("interface", .interface),
            .may("addresses", .of(.text(like: "2001:db8::1/64"), 0...8), "The gateway's, there."),
            .must("nextHop", .address, "The router outside: link-local, or on link by one of the addresses."),
            .may("ipv4", uplinkIPv4)
        ).called("InterfaceUplink")
    ).called("GatewayUplink")

    private static let uplinkIPv4 = Shape.object(
        .must("address", .text(like: "192.0.2.2/31"), "The gateway's towards IPv4, with the length of its prefix."),
        .must("nextHop", .text(like: "192.0.2.3"), "The IPv4 router.")
    ).called("UplinkIPv4")
}
