import HTTPServing
import NetworkService
import Resources

/// The schemas that routes refer to by name.
enum Schemas {
    static var all: [(name: String, schema: Schema)] {
        var known: Set<String> = []
        let all: [(name: String, schema: Schema)] =
            CommonSchemas.all + batches + shared + access + diagnosis + Kind.allCases.flatMap(of)
        return all.filter { known.insert($0.name).inserted }
    }

    private static func of(_ kind: Kind) -> [(String, Schema)] {
        let one = kind.name.singular
        let word = one.prefix(1).uppercased() + one.dropFirst()
        let project = kind.name.isInProject ? #""project":{"$ref":"@Name"},"# : ""
        let required = kind.name.isInProject ? #","project""# : ""
        // One type for what is written and what is read, where they do not differ.
        let spec = Specs.shape(of: kind).called("\(word)Spec")
        var shown = Specs.shape(of: kind, isShown: true).called("\(word)Spec")
        if shown.components.first?.json != spec.components.first?.json {
            shown = Specs.shape(of: kind, isShown: true).called("\(word)SpecShown")
        }
        let secret = kind == .token ? #","secret":{"type":"string","description":"When it is made."}"# : ""
        let metadata =
            #""protected":{"type":"boolean"},"labels":{"$ref":"@Labels"},"annotations":{"$ref":"@Annotations"}"#
        return [
            (
                word,
                Schema(
                    #"{"type":"object","properties":{"kind":{"const":"\#(one)"},"id":{"type":"string","format":"uuid"},"name":{"$ref":"@Name"},\#(project)"revision":{"type":"integer"},"generation":{"type":"integer"},"created":{"type":"string","format":"date-time"},"updated":{"type":"string","format":"date-time"},\#(metadata),"spec":\#(shown.json),"status":{"$ref":"@\#(word)Status"}\#(secret)},"required":["kind","id","name"\#(required),"revision","generation","created","updated","protected","labels","annotations","spec","status"]}"#
                )
            ),
            (
                "\(word)Draft",
                Schema(
                    #"{"type":"object","properties":{"kind":{"const":"\#(one)"},"name":{"$ref":"@Name"},\#(metadata),"spec":\#(spec.json)},"required":["name","spec"],"additionalProperties":false}"#
                )
            ),
            (
                "\(word)List",
                Schema(
                    #"{"type":"object","properties":{"kind":{"const":"\#(one)List"},"revision":{"type":"integer"},"items":{"type":"array","items":{"$ref":"@\#(word)"}},"continue":{"type":"string"}},"required":["kind","revision","items"]}"#
                )
            ),
            (
                "\(word)Revision",
                Schema(
                    #"{"type":"object","description":"What it was, without its status.","properties":{"kind":{"const":"\#(one)"},"id":{"type":"string","format":"uuid"},"name":{"$ref":"@Name"},\#(project)"revision":{"type":"integer"},"generation":{"type":"integer"},"created":{"type":"string","format":"date-time"},"updated":{"type":"string","format":"date-time"},\#(metadata),"spec":\#(shown.json)},"required":["kind","id","name"\#(required),"revision","generation","created","updated","protected","labels","annotations","spec"]}"#
                )
            ),
            (
                "\(word)HistoryEntry",
                Schema(
                    #"{"type":"object","properties":{"generation":{"type":"integer"},"revision":{"type":"integer"},"time":{"type":"string","format":"date-time"},"who":{"type":"string"},"action":{"enum":["create","update","restore"]},"resource":{"$ref":"@\#(word)Revision"}},"required":["generation","revision","time","who","action","resource"]}"#
                )
            ),
            (
                "\(word)History",
                Schema(
                    #"{"type":"object","properties":{"items":{"type":"array","items":{"$ref":"@\#(word)HistoryEntry"}}},"required":["items"]}"#
                )
            ),
            ("\(word)Status", Schema(status(kind))),
        ] + (spec.components + shown.components).map { ($0.name, Schema($0.json)) } + batched(kind)
    }

    private static let address = #"{"type":"string","examples":["2001:db8::1"]}"#
    static let prefix = #"{"type":"string","examples":["2001:db8:0:1::/64"]}"#
    static let mac = #"{"type":"string","examples":["02:6b:63:00:00:01"]}"#
    static let reference = #"{"type":"string","description":"A name or an id.","minLength":1,"maxLength":63}"#
    private static let interface = #"{"type":"string","minLength":1,"maxLength":15}"#
    private static let vni = #"{"type":"integer","minimum":1,"maximum":16777215}"#
    static let role = #"{"enum":["viewer","consumer","operator","admin"]}"#
    static let seconds = #""seconds":{"type":"integer","minimum":0,"maximum":300,"default":0}"#
    private static let replication = #"{"enum":["multicast","unicast"]}"#

    private static func status(_ kind: Kind) -> String {
        switch kind {
        case .project, .pool, .underlay, .policy, .token: #"{"type":"object"}"#
        case .zone, .service:
            #"{"type":"object","properties":{"phase":{"enum":["unused","pending","wired","unfit","failed"]},"message":{"type":"string"},"hosts":{"type":"object","additionalProperties":{"$ref":"@Report"}}},"required":["phase"]}"#
        case .record:
            #"{"type":"object","properties":{"owner":{"type":"string"}},"required":["owner"]}"#
        case .host:
            #"{"type":"object","properties":{"phase":{"enum":["up","down","never-seen"]},"lastSeen":{"type":"string","format":"date-time"},"agents":{"type":"array","description":"When more than one speaks for the host at once.","items":{"type":"object","properties":{"run":{"type":"string","format":"uuid"},"boot":{"type":"string","format":"uuid"},"address":{"type":"string"}},"required":["run","address"]}},"agent":{"type":"string"},"message":{"type":"string"},"details":{"type":"object"}},"required":["phase"]}"#
        case .segment:
            #"{"type":"object","properties":{"vni":\#(vni),"group":\#(address),"mtu":{"type":"integer"},"prefix":\#(prefix),"replication":\#(replication),"phase":{"enum":["unused","pending","wired","unfit","failed"]},"hosts":{"type":"object","additionalProperties":{"$ref":"@Report"}}},"required":["mtu","phase"]}"#
        case .attachment:
            #"{"type":"object","properties":{"mac":\#(mac),"addresses":{"type":"array","items":{"$ref":"@AttachmentAddress"}},"delegatedPrefix":\#(prefix),"policies":{"type":"array","description":"What applies to the port: built-in names and ids.","items":{"type":"string"}},"phase":{"enum":["pending","wired","unfit","failed"]},"message":{"type":"string"},"interface":\#(interface),"details":{"type":"object"}},"required":["mac","addresses","phase"]}"#
        case .mapping:
            #"{"type":"object","properties":{"ipv4":{"type":"string","format":"ipv4"},"address":\#(address)},"required":["ipv4","address"]}"#
        case .gateway:
            #"{"type":"object","properties":{"outgoing":{"type":"string","format":"ipv4"},"ports":{"type":"object","description":"Attachment id by segment id.","additionalProperties":{"type":"string","format":"uuid"}},"phase":{"enum":["pending","wired","unfit","failed"]},"message":{"type":"string"},"details":{"type":"object"},"term":{"type":"integer","description":"Grows with each move."},"move":{"type":"object","properties":{"phase":{"enum":["preparing","leaving"]},"next":{"type":"object"}},"required":["phase"]}},"required":["ports","phase"]}"#
        }
    }

    /// What hosts report, what gateways do, what hosts have learned.
    private static var shared: [(String, Schema)] {
        [
            (
                "AttachmentAddress",
                Schema(
                    #"{"type":"object","properties":{"value":\#(address),"origin":{"enum":["assigned","static","learned"]}},"required":["value","origin"]}"#
                )
            ),
            (
                "Report",
                Schema(
                    #"{"type":"object","properties":{"phase":{"enum":["pending","wired","unfit","failed"]},"generation":{"type":"integer","minimum":0},"message":{"type":"string","maxLength":2048},"interface":{"type":"string"},"learned":{"type":"array","maxItems":64,"items":{"type":"string"}},"details":{"type":"object","maxProperties":64,"additionalProperties":{"type":"string","maxLength":1024}}},"required":["phase","generation"],"additionalProperties":false}"#
                )
            ),
            (
                "Reports",
                Schema(
                    #"{"type":"object","properties":{"reports":{"type":"array","maxItems":10000,"items":{"type":"object","properties":{"kind":{"enum":["host","segment","attachment","gateway"]},"id":{"type":"string","format":"uuid"},"report":{"oneOf":[{"$ref":"@Report"},{"type":"null"}]}},"required":["kind","id"],"additionalProperties":false}}},"required":["reports"],"additionalProperties":false}"#
                )
            ),
            (
                "Reported",
                Schema(#"{"type":"object","properties":{"revision":{"type":"integer"}},"required":["revision"]}"#)
            ),
            (
                "GatewayRoutes",
                Schema(
                    #"{"type":"object","properties":{"gateway":{"$ref":"@Name"},"host":{"$ref":"@Name"},"routes":{"type":"array","items":{"type":"object","properties":{"destination":\#(prefix),"type":{"enum":["segment","delegated","unreachable","default","exported","translated"]},"via":{"type":"string"},"of":{"type":"string","description":"A segment or attachment."},"state":{"type":"string"}},"required":["destination","type"]}}},"required":["gateway","routes"]}"#
                )
            ),
            (
                "GatewayMoveDraft",
                Schema(
                    #"{"type":"object","properties":{"to":{"type":"string","description":"A host, by name or id.","minLength":1,"maxLength":63},"attachment":{"type":"string","description":"An attachment, by name or id.","minLength":1,"maxLength":63}},"additionalProperties":false}"#
                )
            ),
            (
                "GatewayMove",
                Schema(
                    #"{"type":"object","properties":{"gateway":{"$ref":"@Name"},"phase":{"enum":["settled","preparing","leaving"]},"term":{"type":"integer"},"holder":{"$ref":"@RoleHolder"},"next":{"$ref":"@RoleHolder"},"waitsFor":{"type":"array","items":{"type":"string"}}},"required":["gateway","phase","term","holder","waitsFor"]}"#
                )
            ),
            (
                "RoleHolder",
                Schema(
                    #"{"type":"object","description":"By name.","properties":{"host":{"type":"string"},"attachment":{"type":"string"}},"additionalProperties":false}"#
                )
            ),
            (
                "LearnedAddresses",
                Schema(
                    #"{"type":"object","properties":{"addresses":{"type":"object","description":"By attachment id.","propertyNames":{"format":"uuid"},"additionalProperties":{"type":"array","items":\#(address)}}},"required":["addresses"],"additionalProperties":false}"#
                )
            ),
            (
                "LearnedAnswer",
                Schema(
                    #"{"type":"object","properties":{"revision":{"type":"integer"},"refused":{"type":"array","items":{"type":"object","properties":{"attachment":{"type":"string","format":"uuid"},"address":\#(address),"reason":{"enum":["held","not-here","outside","limit"]},"holder":{"type":"object"}},"required":["attachment","address","reason"]}}},"required":["revision","refused"]}"#
                )
            ),
            ("HostUpdate", Schema(#"{"type":"string","description":"A stream of server-sent events named state."}"#)),
        ]
    }
}
