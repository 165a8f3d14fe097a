import HTTPServing
import NetworkService
import Resources

/// The schemas that routes refer to by name.
enum Schemas {
    static var all: [(name: String, schema: Schema)] {
        var known: Set<String> = []
        let all: [(name: String, schema: Schema)] = CommonSchemas.all + shared + Kind.allCases.flatMap(of)
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
    private static let prefix = #"{"type":"string","examples":["2001:db8:0:1::/64"]}"#
    private static let mac = #"{"type":"string","examples":["02:6b:63:00:00:01"]}"#
    private static let reference = #"{"type":"string","description":"A name or an id.","minLength":1,"maxLength":63}"#
    private static let interface = #"{"type":"string","minLength":1,"maxLength":15}"#
    private static let vni = #"{"type":"integer","minimum":1,"maximum":16777215}"#
    private static let role = #"{"enum":["viewer","consumer","operator","admin"]}"#
    private static let seconds = #""seconds":{"type":"integer","minimum":0,"maximum":300,"default":0}"#
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

    private static let verbs = ["create", "update", "delete"]

    private static func operationName(_ verb: String, _ kind: Kind) -> String {
        let one = kind.name.singular
        return "Batch" + [verb, one].map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    /// Each kind with each verb is one alternative, so that the document of every operation is described.
    private static func batched(_ kind: Kind) -> [(String, Schema)] {
        let one = kind.name.singular
        let draft = #","document":{"$ref":"@\#(one.prefix(1).uppercased() + one.dropFirst())Draft"}"#
        let project = kind.name.isInProject ? #","project":\#(reference)"# : ""
        let required = kind.name.isInProject ? #","project""# : ""
        let target = #","item":\#(reference),"ifMatch":{"type":"integer","minimum":0,"maximum":9007199254740991}"#
        return verbs.map { verb in
            let (members, names) =
                switch verb {
                case "create": (draft, #","document""#)
                case "update": (target + draft, #","item","document""#)
                default: (target, #","item""#)
                }
            return (
                operationName(verb, kind),
                Schema(
                    #"{"type":"object","properties":{"verb":{"const":"\#(verb)"},"kind":{"const":"\#(one)"}\#(project)\#(members)},"required":["verb","kind"\#(required)\#(names)],"additionalProperties":false}"#
                )
            )
        }
    }

    private static var batch: Schema {
        let alternatives = Kind.allCases.flatMap { kind in
            verbs.map { #"{"$ref":"@\#(operationName($0, kind))"}"# }
        }
        return Schema(
            #"{"type":"object","properties":{"operations":{"type":"array","minItems":1,"maxItems":\#(BatchOperation.maximumCount),"items":{"oneOf":[\#(alternatives.joined(separator: ","))]}}},"required":["operations"],"additionalProperties":false}"#
        )
    }

    private static var batchResult: Schema {
        let kinds = Kind.allCases.map { #""\#($0.name.singular)""# }.joined(separator: ",")
        let resources = Kind.allCases.map { kind in
            let one = kind.name.singular
            return #"{"$ref":"@\#(one.prefix(1).uppercased() + one.dropFirst())"}"#
        }
        return Schema(
            #"{"type":"object","properties":{"kind":{"enum":[\#(kinds)]},"id":{"type":"string","format":"uuid"},"name":{"$ref":"@Name"},"deleted":{"type":"boolean","description":"Only ever true."},"resource":{"oneOf":[\#(resources.joined(separator: ","))]}},"required":["kind","id","name"]}"#
        )
    }

    private static var shared: [(String, Schema)] {
        [
            ("Batch", batch),
            ("BatchResult", batchResult),
            (
                "BatchWritten",
                Schema(
                    #"{"type":"object","properties":{"revision":{"type":"integer"},"items":{"type":"array","items":{"$ref":"@BatchResult"}}},"required":["revision","items"]}"#
                )
            ),
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
                "Identity",
                Schema(
                    #"{"type":"object","properties":{"role":{"enum":["administrator","identity","host","joining"]},"via":{"type":"string"},"host":{"type":"string","format":"uuid"},"name":{"type":"string"},"everywhere":\#(role),"projects":{"type":"object","description":"Roles by name or id of a project.","additionalProperties":\#(role)},"verbs":{"type":"array","items":{"type":"string"}},"kinds":{"type":"array","items":{"type":"string"}},"expires":{"type":"string","format":"date-time"},"time":{"type":"string","format":"date-time","description":"The server's clock."}},"required":["role"]}"#
                )
            ),
            (
                "GatewayRoutes",
                Schema(
                    #"{"type":"object","properties":{"gateway":{"$ref":"@Name"},"host":{"$ref":"@Name"},"routes":{"type":"array","items":{"type":"object","properties":{"destination":\#(prefix),"type":{"enum":["segment","delegated","unreachable","default","exported","translated"]},"via":{"type":"string"},"of":{"type":"string","description":"A segment or attachment."},"state":{"type":"string"}},"required":["destination","type"]}}},"required":["gateway","routes"]}"#
                )
            ),
            (
                "Trace",
                Schema(
                    #"{"type":"object","properties":{"revision":{"type":"integer"},"from":{"$ref":"@TraceEnd"},"to":{"$ref":"@TraceEnd"},"flow":{"type":"string"},"verdict":{"$ref":"@TraceVerdict"},"steps":{"type":"array","description":"The way there, then the way back.","items":{"$ref":"@TraceStep"}},"notes":{"type":"array","description":"What the prediction takes for granted.","items":{"type":"string"}}},"required":["revision","from","to","flow","verdict","steps"]}"#
                )
            ),
            (
                "FrameToExplain",
                Schema(
                    #"{"type":"object","description":"As a probe of type drops answers.","properties":{"number":{"type":"integer","minimum":0},"time":{"type":"string","format":"date-time"},"reason":{"type":"string","pattern":"^[a-z-]{1,32}$"},"direction":{"enum":["from","to"]},"length":{"type":"integer","minimum":0,"maximum":65549},"bytes":{"type":"string","pattern":"^([0-9a-fA-F]{2})*$","maxLength":512}},"required":["number","time","reason","direction","length","bytes"],"additionalProperties":false}"#
                )
            ),
            (
                "FrameExplanation",
                Schema(
                    #"{"type":"object","properties":{"step":{"$ref":"@TraceStep"},"sender":{"enum":["itself","project","tenant","outside"]},"name":{"type":"string"},"suspicion":{"type":"string"}},"required":["step","sender"]}"#
                )
            ),
            (
                "TraceEnd",
                Schema(
                    #"{"type":"object","properties":{"name":{"type":"string"},"address":{"type":"string"},"host":{"type":"string"}},"required":["address"]}"#
                )
            ),
            ("TraceVerdict", Schema(#"{"enum":["passes","stopped","unknown"]}"#)),
            (
                "TraceStep",
                Schema(
                    #"{"type":"object","properties":{"direction":{"enum":["there","back"]},"place":{"enum":["guest","port","bridge","tunnel","router","firewall","translator","outside"]},"verdict":{"$ref":"@TraceVerdict"},"reason":{"type":"string","description":"The name that drops count under."},"text":{"type":"string"},"mend":{"type":"string"},"host":{"type":"string"},"device":{"type":"string"},"table":{"type":"string"},"rules":{"type":"array","items":{"type":"object","properties":{"chain":{"type":"string"},"rule":{"type":"integer","description":"From 1; 0 is the chain's policy."},"text":{"type":"string"}},"required":["chain","rule","text"]}},"missing":{"type":"array","description":"Elements whose absence decided.","items":{"type":"string"}},"detail":{"type":"array","items":{"type":"string"}}},"required":["direction","place","verdict","text"]}"#
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
                "JoinTokenDraft",
                Schema(
                    #"{"type":"object","properties":{"ttlSeconds":{"type":"integer","minimum":10,"maximum":86400,"default":600}},"additionalProperties":false}"#
                )
            ),
            (
                "JoinToken",
                Schema(
                    #"{"type":"object","properties":{"token":{"type":"string"},"expires":{"type":"string","format":"date-time"},"fingerprint":{"type":"string"}},"required":["token","expires"]}"#
                )
            ),
            (
                "Join",
                Schema(
                    #"{"type":"object","properties":{"name":{"$ref":"@Name"},"vtep":{"type":"string"},"interface":{"type":"string"},"roles":{"type":"array","uniqueItems":true,"items":{"enum":["gateway","dns"]}}},"required":["name","vtep","interface"],"additionalProperties":false}"#
                )
            ),
            (
                "Joined",
                Schema(
                    #"{"type":"object","properties":{"host":{"$ref":"@Host"},"credential":{"type":"string"}},"required":["host","credential"]}"#
                )
            ),
            (
                "Credential",
                Schema(
                    #"{"type":"object","properties":{"credential":{"type":"string"}},"required":["credential"]}"#)
            ),
            (
                "CertificateRequest",
                Schema(
                    #"{"type":"object","properties":{"request":{"type":"string","maxLength":16384}},"required":["request"],"additionalProperties":false}"#
                )
            ),
            (
                "HostCertificate",
                Schema(
                    #"{"type":"object","properties":{"certificate":{"type":"string"},"trust":{"type":"string"},"expires":{"type":"string","format":"date-time"}},"required":["certificate","trust","expires"]}"#
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
            (
                "ProbeDraft",
                Schema(
                    #"{"oneOf":[{"$ref":"@DropsProbe"},{"$ref":"@GatewayProbe"},{"$ref":"@PathProbe"},{"$ref":"@TranslationProbe"}]}"#
                )
            ),
            (
                "DropsProbe",
                Schema(
                    #"{"type":"object","properties":{"type":{"const":"drops"},"attachment":\#(reference),\#(seconds)},"required":["type","attachment"],"additionalProperties":false}"#
                )
            ),
            (
                "GatewayProbe",
                Schema(
                    #"{"type":"object","properties":{"type":{"enum":["leases","gateway-drops"]},"gateway":\#(reference),\#(seconds)},"required":["type","gateway"],"additionalProperties":false}"#
                )
            ),
            (
                "PathProbe",
                Schema(
                    #"{"type":"object","properties":{"type":{"const":"path"},"from":{"type":"string","description":"An attachment's name, id or address, or host/NAME."},"to":{"type":"string"},"flow":{"type":"string","pattern":"^(icmpv6|tcp/[0-9]+|udp/[0-9]+)$","default":"icmpv6"},\#(seconds)},"required":["type","from","to"],"additionalProperties":false}"#
                )
            ),
            (
                "TranslationProbe",
                Schema(
                    #"{"type":"object","properties":{"type":{"const":"translation"},"gateway":\#(reference),\#(seconds)},"required":["type","gateway"],"additionalProperties":false}"#
                )
            ),
            (
                "Probe",
                Schema(
                    #"{"type":"object","properties":{"id":{"type":"string","format":"uuid"},"question":{"type":"object","properties":{"type":{"enum":["drops","gateway-drops","leases","translation","path","capture"]},"attachment":{"type":"string","format":"uuid"},"gateway":{"type":"string","format":"uuid"},"flow":{"type":"string"},"ends":{"type":"array","items":{"type":"object","properties":{"name":{"type":"string"},"host":{"type":"string"},"address":{"type":"string"}}}}},"required":["type"]},"verdict":{"type":"object","description":"Of a path, once it can be told.","properties":{"layers":{"type":"array","items":{"type":"object","properties":{"layer":{"type":"string"},"state":{"enum":["ok","fail","skip"]},"evidence":{"type":"array","items":{"type":"object","properties":{"audience":{"enum":["project","operator"]},"text":{"type":"string"}},"required":["audience","text"]}}},"required":["layer","state"]}},"fault":{"type":"object","properties":{"layer":{"type":"string"},"component":{"type":"string"},"host":{"type":"string"},"text":{"type":"string"},"mend":{"type":"string"}},"required":["layer","component","text","mend"]}},"required":["layers"]},"seconds":{"type":"integer"},"created":{"type":"string","format":"date-time"},"hosts":{"type":"object","description":"By host name.","additionalProperties":{"type":"object","properties":{"result":{"$ref":"@ProbeResult"}}}}},"required":["id","question","seconds","created","hosts"]}"#
                )
            ),
            (
                "ProbeResult",
                Schema(
                    #"{"type":"object","properties":{"phase":{"enum":["measuring","done","failed"]},"message":{"type":"string","maxLength":2048},"path":{"type":"object","description":"What one end of a way found; read by the server."},"capture":{"$ref":"@CaptureReport"},"leases":{"type":"object","properties":{"total":{"type":"integer","minimum":0},"leases":{"type":"array","maxItems":1000,"items":{"type":"object","properties":{"prefix":\#(prefix),"attachment":{"type":"string","format":"uuid"},"mac":\#(mac),"duid":{"type":"string","pattern":"^[0-9a-f:]*$"},"expires":{"type":"string","format":"date-time"}},"required":["prefix","duid","expires"]}}},"required":["leases","total"]},"translation":{"type":"object","properties":{"translator":{"type":"string","pattern":"^[a-zA-Z0-9]{1,32}$"},"counters":{"type":"object","description":"Packets by what became of them.","maxProperties":64,"propertyNames":{"pattern":"^[a-zA-Z0-9]{1,32}$"},"additionalProperties":{"type":"integer","minimum":0}},"mappings":{"type":"array","maxItems":1000,"items":{"type":"object","properties":{"ipv4":{"type":"string","format":"ipv4"},"sentPackets":{"type":"integer","minimum":0},"sentBytes":{"type":"integer","minimum":0},"receivedPackets":{"type":"integer","minimum":0},"receivedBytes":{"type":"integer","minimum":0}},"required":["ipv4","sentPackets","sentBytes","receivedPackets","receivedBytes"]}}},"required":["translator","counters"]},"drops":{"type":"object","properties":{"counters":{"type":"object","description":"Frames by reason.","maxProperties":64,"propertyNames":{"pattern":"^[a-z-]{1,32}$"},"additionalProperties":{"type":"integer","minimum":0}},"frames":{"type":"array","maxItems":64,"items":{"type":"object","properties":{"number":{"type":"integer","minimum":0},"time":{"type":"string","format":"date-time"},"reason":{"type":"string","pattern":"^[a-z-]{1,32}$"},"direction":{"enum":["from","to"]},"length":{"type":"integer","minimum":0,"maximum":65549},"bytes":{"type":"string","pattern":"^([0-9a-fA-F]{2})*$","maxLength":512}},"required":["number","time","reason","direction","length","bytes"],"additionalProperties":false}},"unseen":{"type":"integer","minimum":0}},"required":["counters"],"additionalProperties":false}},"required":["phase"],"additionalProperties":false}"#
                )
            ),
            (
                "CaptureDraft",
                Schema(
                    #"{"type":"object","properties":{"points":{"type":"array","items":{"enum":["port","bridge","vxlan","underlay"]},"minItems":1,"description":"All that whoever asks may have by default; all but port are for operators of all projects."},"flow":{"type":"string","description":"tcp, udp, icmpv6 or icmp, with /PORT or /TYPE."},"peer":{"type":"string","description":"An IPv6 address, or an IPv4 one as ::ffff:a.b.c.d."},"snapLength":{"type":"integer","minimum":64,"maximum":9216,"default":256},"pace":{"type":"integer","description":"Frames a second.","minimum":1,"maximum":2000,"default":500},"bytes":{"type":"integer","minimum":1024,"maximum":16777216,"default":4194304},"seconds":{"type":"integer","minimum":1,"maximum":300,"default":30}},"additionalProperties":false}"#
                )
            ),
            (
                "Capture",
                Schema(
                    #"{"type":"object","properties":{"id":{"type":"string","format":"uuid"},"attachment":{"type":"string"},"host":{"type":"string"},"points":{"type":"array","items":{"type":"string"}},"flow":{"type":"string"},"peer":{"type":"string"},"snapLength":{"type":"integer"},"pace":{"type":"integer"},"bytes":{"type":"integer"},"seconds":{"type":"integer"},"by":{"type":"string"},"created":{"type":"string","format":"date-time"},"phase":{"enum":["measuring","done","failed"]},"message":{"type":"string"},"report":{"$ref":"@CaptureReport"},"chunks":{"type":"array","items":{"$ref":"@CaptureChunk"}},"next":{"type":"integer","minimum":0}},"required":["id","points","seconds","created","chunks","next"]}"#
                )
            ),
            (
                "CaptureReport",
                Schema(
                    #"{"type":"object","properties":{"devices":{"type":"array","maxItems":64,"items":{"type":"object","properties":{"point":{"enum":["port","bridge","vxlan","underlay"]},"name":{"type":"string","minLength":1,"maxLength":15},"lost":{"type":"integer","minimum":0},"failure":{"type":"string","maxLength":512}},"required":["point","name"]}},"chunks":{"type":"integer","minimum":0},"frames":{"type":"integer","minimum":0},"dropped":{"type":"integer","minimum":0},"end":{"enum":["time","bytes"]}},"required":["devices","chunks","frames","dropped"],"additionalProperties":false}"#
                )
            ),
            (
                "CaptureChunk",
                Schema(
                    #"{"type":"object","properties":{"frames":{"type":"array","maxItems":1024,"items":{"type":"object","properties":{"device":{"type":"integer","minimum":0,"maximum":63},"time":{"type":"integer","description":"Nanoseconds since 1970.","minimum":0},"length":{"type":"integer","minimum":0},"out":{"type":"boolean","default":false},"bytes":{"type":"string","pattern":"^([0-9a-fA-F]{2})*$","maxLength":18432}},"required":["device","time","length","bytes"],"additionalProperties":false}}},"required":["frames"],"additionalProperties":false}"#
                )
            ),
            ("HostUpdate", Schema(#"{"type":"string","description":"A stream of server-sent events named state."}"#)),
        ]
    }
}
