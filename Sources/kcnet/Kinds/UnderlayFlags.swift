import ArgumentParser
import Commands
import Documents
import NetworkModel
import Resources

struct UnderlayFlags: KindFlags {
    static let abstract = "What KC may rely on between hosts: one, named default."
    static var description: KindDescription { described(Underlay.kind) }

    @Option(help: "The MTU every host's underlay interface carries.") var mtu: Int?
    @Option(help: ArgumentHelp("Whether it carries IPv6 multicast between all hosts.", valueName: "true|false"))
    var multicast: Bool?
    @Option(help: "UDP port of VXLAN.") var port: Int?
    @Option(help: "Hop limit of VXLAN packets.") var hopLimit: Int?
    @Option(help: "The first multicast group.") var groupBase: String?
    @Option(help: "How many groups segments share; 0 gives each VNI its own.") var groupCount: UInt32?

    func edit(_ spec: JSONNode) -> JSONNode {
        spec.setting("mtu", number: mtu).setting("multicast", flag: multicast).setting("port", number: port)
            .setting("hopLimit", number: hopLimit).setting("groupBase", text: groupBase)
            .setting("groupCount", number: groupCount)
    }

    static let columns: [Column] = [
        .name, .spec("mtu", "mtu"), .spec("multicast", "multicast"), .spec("port", "port"),
        .spec("hop limit", "hopLimit", wide: true), .spec("group base", "groupBase"),
        .spec("groups", "groupCount"), .labels, .id,
    ]
}
