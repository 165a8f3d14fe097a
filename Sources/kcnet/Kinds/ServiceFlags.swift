import APIClient
import ArgumentParser
import Commands
import Documents
import NetworkModel
import Resources

struct ServiceFlags: KindFlags {
    static let abstract = "What gateways offer their guests by TCP, with who it is that asks."
    static var description: KindDescription { described(GuestService.kind) }
    static let settledPhases = ["wired"]

    @Option(help: "The gateway whose guests it is for.") var gateway: String?
    @Option(help: "The TCP port at fe80::1 of each of its segments.") var port: UInt16?
    @Option(help: "Who answers: unix:/run/kc/services/NAME on the gateway's host, or http://[ADDRESS]:PORT.")
    var consumer: String?
    @Option(help: "How many connections one attachment may have at a time (16).") var connections: Int?

    func edit(_ spec: JSONNode) -> JSONNode {
        spec.setting("gateway", text: gateway).setting("port", number: port).setting("consumer", text: consumer)
            .setting("connections", number: connections)
    }

    static let columns: [Column] = [
        .name, .spec("gateway", "gateway"), .spec("port", "port"), .spec("consumer", "consumer"), .phase,
        .spec("connections", "connections", wide: true), .labels, .id, .message,
    ]
}
