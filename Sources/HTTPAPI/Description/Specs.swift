import NetworkService
import Resources

/// What users write under `spec`, by kind: the same members, bounds and defaults as the readers of `NetworkModel`.
enum Specs {
    /// - Parameter isShown: as the server answers, which leaves out of a tenant's gateway where it runs.
    static func shape(of kind: Kind, isShown: Bool = false) -> Shape {
        switch kind {
        case .project: project
        case .host: host
        case .pool: pool
        case .underlay: underlay
        case .segment: segment
        case .attachment: attachment
        case .policy: policy
        case .mapping: mapping
        case .gateway: gateway(isShown: isShown)
        case .service: service
        case .token: token
        case .zone: zone
        case .record: record
        }
    }

    private static func quota(_ text: String) -> Shape { .integer(Quotas.range).saying(text) }

    private static let quotaName =
        #"^(segments|attachments|addresses|mappings|[a-z]([a-z0-9-]{0,29}[a-z0-9])?\.[a-z]([a-z0-9-]{0,29}[a-z0-9])?)$"#

    private static let project = Shape.object(
        .may(
            "quotas",
            .object(
                .may("segments", quota("How many segments.")),
                .may(
                    "attachments",
                    quota("How many attachments; ports of managed gateways count, and are never refused.")),
                .may("addresses", quota("How many static and assigned addresses.")),
                .may("mappings", quota("How many mappings."))
            ).others(
                named: quotaName, .integer(Quotas.serviceRange), atMost: Quotas.maximumCount
            ).called("ProjectQuotas"),
            "What the project may have at most; what is left out has no limit but the pools'. Names like compute.vms are other services', which count those themselves."
        ))

    private static let host = Shape.object(
        .must("vtep", .address, "The underlay address that VXLAN uses: global or unique local, one host's alone."),
        .must("interface", .interface, "The underlay interface that carries it."),
        .may(
            "roles", .of(.choice("gateway", "dns")),
            "What the host may carry: managed gateways, authoritative name servers."),
        .may(
            "serviceAddress", .address,
            "Where gateways ask the host's services, such as its name server; not of the underlay; may be anycast."),
        .may("paused", .boolean, "The agent looks, measures and reports, and changes nothing."))

    private static let pool = Shape.either(
        .object(
            .must("type", .constant("vni")), .must("from", .vni, "The first VNI."), .must("to", .vni, "The last VNI.")
        ).called("VNIPool"),
        .object(
            .must(
                "type", .choice("prefix", "delegation"), "/64s of segments; prefixes of attachments that are routers."),
            .must("prefix", .prefix, "What they are taken from, /0 to /64.")
        ).called("PrefixPool"),
        .object(
            .must("type", .constant("mac")), .must("prefix", .text(like: "02:6b:63"), "The first three octets.")
        ).called("MACPool"),
        .object(
            .must("type", .constant("ipv4")),
            .must(
                "prefix", .text(like: "198.51.100.0/28"), "Addresses of mappings and outgoing connections, /8 to /32.")
        ).called("IPv4Pool"))

    private static let underlay = Shape.object(
        .must("mtu", .integer(1350...65_535), "What every underlay interface must carry, in bytes."),
        .may("multicast", .boolean, "Whether the underlay carries multicast: the default replication of new segments."),
        .may("port", Shape.port, "The UDP port of VXLAN (default 4789)."),
        .may("hopLimit", .integer(1...255), "Of VXLAN packets (default 64)."),
        .may("groupBase", .address, "The first multicast group of segments."),
        .may(
            "groupCount", .integer(0...16_777_216), "How many groups segments share (default 256); 0: each has its own."
        ))

    private static let service = Shape.object(
        .must("gateway", .reference("A managed gateway")),
        .must("port", Shape.port, "The TCP port at fe80::1 of its segments; not 53 or 547."),
        .must(
            "consumer", .text(like: "unix:/run/kc/services/metadata", "http://[2001:db8::80]:8080"),
            "Whom connections are handed on to, with PROXY v2 and the attachment's id."),
        .may("connections", .integer(1...1000, standard: 16), "How many one attachment may have at a time."))

    private static let token = Shape.object(
        .must("role", .choice("viewer", "consumer", "operator", "admin")),
        .may("allProjects", .boolean(standard: false), "Over all projects, and not only over the token's own."),
        .may("verbs", .of(.choice("read", "create", "update", "delete")), "Left out: all that the role allows."),
        .may("kinds", .of(.choice(Kind.allCases.map(\.name.singular))), "Left out: all."),
        .may("selector", .text(0...1024, like: "tier=web"), "Only resources whose labels match."),
        .may("expires", .text(format: "date-time"), "Left out: never."))

    private static let ttl = Shape.integer(1...604_800)

    private static let zone = Shape.object(
        .must("domain", .domain, "The name at the top; forward or reverse."),
        .may(
            "attachments", .boolean(standard: false),
            "Whether attachments have their names here, or in a reverse zone the names of their addresses."),
        .may("projects", .of(.reference("A project"), 0...100), "Whose it is; left out: everybody's."),
        .may(
            "secondaries",
            .of(
                .object(
                    .must("address", .address),
                    .may("key", .named("Name"), "The TSIG key that both share; its secret is a file on the hosts.")
                ).called("ZoneSecondary"),
                0...8, isSet: false),
            "Servers that copy the zone and are told of changes."),
        .may("nameServers", .of(.domain, 0...8), "Further servers of the zone, beside those of the hosts."),
        .may("ttl", ttl, "Seconds, of everything that has none of its own."),
        .may("dnssec", .boolean(standard: true), "Signed with ECDSA P-256."))

    private static let record = Shape.object(
        .must("zone", .reference("A zone")),
        .must(
            "name", .text(1...255, like: "www"),
            "Labels below the zone, @ for the zone itself, or in a reverse zone an address or a prefix."),
        .must("type", .choice("A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SRV", "TXT")),
        .must("values", .of(.text(0...4096), 1...64), "As in a zone file; of CNAME and PTR exactly one."),
        .may("ttl", ttl, "Seconds; left out: the zone's."))
}
