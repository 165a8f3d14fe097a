import APIClient
import Addressing
import ArgumentParser
import Commands
import Documents
import NetworkModel
import Resources

struct RecordFlags: KindFlags {
    static let abstract = "Resource records of projects in zones."
    static var description: KindDescription { described(Record.kind) }

    @Option(help: "The zone it stands in.") var zone: String?
    @Option(
        name: .customLong("at"),
        help: "Where: @ for the top, labels below it, or in a reverse zone an address or a prefix.")
    var owner: String?
    @Option(help: "A, AAAA, CAA, CNAME, MX, NS, PTR, SRV or TXT.") var type: RecordType?
    @Option(help: "A value, such as 2001:db8::1 or '10 mail.example.org'; may be repeated.") var value: [String] = []
    @Option(help: "Seconds that answers may be kept.") var ttl: UInt32?

    func edit(_ spec: JSONNode) -> JSONNode {
        spec.setting("zone", text: zone).setting("name", text: owner).setting("type", text: type?.rawValue)
            .setting("values", texts: value).setting("ttl", number: ttl)
    }

    static let columns: [Column] = [
        .name, .status("owner", "owner"), .spec("type", "type"),
        Column("values") { document, _ in
            guard case .array(let values)? = document.spec?["values"]?.content else { return .init("") }
            // Not by `text`: a value that reads as an id is no reference.
            return .init(values.map(\.displayText).joined(separator: "; "))
        },
        .spec("zone", "zone", wide: true), .spec("ttl", "ttl", wide: true), .labels, .id,
    ]
}

extension RecordType: ExpressibleByArgument {}
