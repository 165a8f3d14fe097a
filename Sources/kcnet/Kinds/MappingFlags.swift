import APIClient
import ArgumentParser
import Commands
import Documents
import NetworkModel
import Resources

struct MappingFlags: KindFlags {
    static let abstract = "IPv4 addresses of attachments (NAT64, one to one)."
    static var description: KindDescription { described(Mapping.kind) }

    @Option(help: "The attachment that gets the address.") var attachment: String?
    @Option(help: "The attachment's IPv6 address that is mapped; else the first that KC knows.") var address: String?
    @Option(help: "The IPv4 address; else the next free one.") var ipv4: String?
    @Option(help: "The pool of type ipv4 it comes from; else any.") var pool: String?

    func edit(_ spec: JSONNode) -> JSONNode {
        spec.setting("attachment", text: attachment).setting("address", text: address).setting("ipv4", text: ipv4)
            .setting("pool", text: pool)
    }

    static func advice(_ document: ResourceDocument) -> [String] {
        guard let ipv4 = document.status?["ipv4"], let address = document.status?["address"] else { return [] }
        return ["\(address.displayText) is reached as \(ipv4.displayText)"]
    }

    static let columns: [Column] = [
        .name, .spec("attachment", "attachment"), .status("ipv4", "ipv4"), .status("address", "address"),
        .spec("pool", "pool", wide: true), .labels, .id,
    ]
}
