import ArgumentParser
import Documents
import NetworkModel
import Resources

struct GatewayFlags: KindFlags {
    static let abstract = "Routers of segments."
    static var description: KindDescription { described(Gateway.kind) }
    static let settledPhases = ["wired"]

    @Option(help: "The host that carries it.") var host: String?
    @Option(help: "A segment it is the router of; may be repeated.") var segment: [String] = []
    @Option(help: "A recursive resolver that guests are told of; may be repeated.") var resolver: [String] = []

    func edit(_ spec: JSONNode) -> JSONNode {
        spec.setting("host", text: host).setting("segments", texts: segment).setting("resolvers", texts: resolver)
    }

    static let columns: [Column] = [
        .name, .spec("type", "type"), .spec("host", "host"), .spec("segments", "segments"),
        .spec("resolvers", "resolvers", wide: true), .phase, .labels, .id, .message,
    ]
}
