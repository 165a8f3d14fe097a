import ArgumentParser
import Commands
import Documents
import NetworkModel
import Resources

struct GatewayFlags: KindFlags {
    static let abstract = "Routers of segments."
    static var description: KindDescription { described(Gateway.kind) }
    static let settledPhases = ["wired"]
    static let furtherCommands: [any ParsableCommand.Type] = [GatewayMoveCommand.self]

    @Option(help: "The host that carries it.") var host: String?
    @Option(help: "A segment it is the router of; may be repeated.") var segment: [String] = []
    @Option(help: "A recursive resolver that guests are told of; may be repeated.") var resolver: [String] = []

    @Flag(help: "Guests ask a resolver in the gateway itself.") var ownResolver = false
    @Option(help: "A resolver that the gateway's own asks in its turn; may be repeated.") var forwarder: [String] = []

    @Option(help: "The attachment whose guest is the router, instead of KC.") var attachment: String?
    @Option(help: "What may cross the uplink: a policy; may be repeated.") var policy: [String] = []

    @Flag(help: "The uplink is a routed one: through the host's own routing table.") var routed = false
    @Option(help: "The uplink is this interface of the host, which the gateway takes.") var uplinkInterface: String?
    @Option(help: "An address on the uplink's interface, with its length; may be repeated.") var uplinkAddress:
        [String] = []
    @Option(help: "The router beyond the uplink's interface.") var nextHop: String?

    @Flag(help: "Translate between the segments and the IPv4 world (NAT64).") var nat64 = false
    @Option(help: "Where the IPv4 world appears, a /96; 64:ff9b::/96 unless given.") var nat64Prefix: String?
    @Option(help: "The pool of type ipv4 that outgoing connections get their address from.") var nat64Pool: String?

    func validate() throws {
        guard !routed || uplinkInterface == nil else {
            throw ValidationError("--routed and --uplink-interface exclude each other")
        }
        guard (uplinkInterface == nil) == (nextHop == nil), uplinkAddress.isEmpty || uplinkInterface != nil else {
            throw ValidationError("--uplink-interface, --next-hop and --uplink-address belong together")
        }
    }

    private var uplink: JSONNode? {
        let empty = JSONNode.object([])
        if routed { return empty.setting("type", text: "routed") }
        guard let uplinkInterface else { return nil }
        return empty.setting("type", text: "interface").setting("interface", text: uplinkInterface)
            .setting("addresses", texts: uplinkAddress).setting("nextHop", text: nextHop)
    }

    func edit(_ spec: JSONNode) -> JSONNode {
        var spec = spec
        if ownResolver || !forwarder.isEmpty {
            spec = spec.setting(
                "resolver", to: (spec["resolver"] ?? JSONNode.object([])).setting("forwarders", texts: forwarder))
        }
        if let uplink { spec = spec.setting("uplink", to: uplink) }
        if nat64 || nat64Prefix != nil || nat64Pool != nil {
            let present = spec["nat64"] ?? JSONNode.object([])
            spec = spec.setting(
                "nat64", to: present.setting("prefix", text: nat64Prefix).setting("pool", text: nat64Pool))
        }
        return spec.setting("type", text: attachment == nil ? nil : "attachment").setting(
            "attachment", text: attachment
        )
        .setting("host", text: host).setting("segments", texts: segment).setting("resolvers", texts: resolver)
        .setting("policies", texts: policy)
    }

    static let columns: [Column] = [
        .name, .spec("type", "type"), .spec("host", "host"), .spec("segments", "segments"),
        .spec("uplink", "uplink.type"), .spec("resolvers", "resolvers", wide: true), .phase, .labels, .id, .message,
    ]
}
