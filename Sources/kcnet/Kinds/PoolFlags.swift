import APIClient
import ArgumentParser
import Commands
import Documents
import NetworkModel
import Resources

struct PoolFlags: KindFlags {
    static let abstract = "Ranges that values are assigned from."
    static var description: KindDescription { described(Pool.kind) }

    @Option(help: "vni, prefix, delegation, mac or ipv4.") var type: PoolType?
    @Option(
        help:
            "The prefix that /64s, delegated prefixes or IPv4 addresses are taken from, or the first octets of MAC addresses."
    ) var prefix: String?
    @Option(help: "The first VNI.") var from: UInt32?
    @Option(help: "The last VNI.") var to: UInt32?

    func edit(_ spec: JSONNode) -> JSONNode {
        spec.setting("type", text: type?.rawValue).setting("prefix", text: prefix).setting("from", number: from)
            .setting("to", number: to)
    }

    static let columns: [Column] = [
        .name, .spec("type", "type"),
        Column("range") { document, names in
            let spec = document.spec
            if let prefix = spec?["prefix"] { return .init(Column.text(prefix, names)) }
            return .init("\(Column.text(spec?["from"], names))-\(Column.text(spec?["to"], names))")
        },
        .labels, .id,
    ]
}

extension PoolType: ExpressibleByArgument {}
