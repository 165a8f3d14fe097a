import ComputeModel
import ComputeService
import HTTPServing
import Resources

/// The schemas that the compute routes refer to by name. Those of specs are made by what checks them.
enum ComputeSchemas {
    /// `MachineType`, as names of operations and schemas have it.
    static func word(_ kind: ComputeKind) -> String {
        kind.name.singular.split(separator: "-").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    /// A document of its own: with its dialect and its name.
    static func spec(_ kind: ComputeKind) -> [UInt8] {
        switch kind {
        case .machineType: MachineType.Spec.schema()
        case .image: Image.Spec.schema()
        case .vm: VirtualMachine.Spec.schema()
        case .computeHost: ComputeHost.Spec.schema()
        }
    }

    static var all: [(name: String, schema: Schema)] { CommonSchemas.all + shared + ComputeKind.allCases.flatMap(of) }

    private static func of(_ kind: ComputeKind) -> [(name: String, schema: Schema)] {
        let (one, word) = (kind.name.singular, word(kind))
        let project = kind.name.isInProject ? #""project":{"$ref":"@Name"},"# : ""
        let required = kind.name.isInProject ? #","project""# : ""
        let spec = String(decoding: spec(kind), as: UTF8.self)
        let metadata =
            #""protected":{"type":"boolean"},"labels":{"$ref":"@Labels"},"annotations":{"$ref":"@Annotations"}"#
        return [
            (
                word,
                Schema(
                    #"{"type":"object","properties":{"kind":{"const":"\#(one)"},"id":{"type":"string","format":"uuid"},"name":{"$ref":"@Name"},\#(project)"revision":{"type":"integer"},"generation":{"type":"integer"},"created":{"type":"string","format":"date-time"},"updated":{"type":"string","format":"date-time"},\#(metadata),"spec":{"type":"object"},"status":\#(status(kind))},"required":["kind","id","name"\#(required),"revision","generation","created","updated","protected","labels","annotations","spec","status"]}"#
                )
            ),
            (
                "\(word)Draft",
                Schema(
                    #"{"type":"object","properties":{"kind":{"const":"\#(one)"},"name":{"$ref":"@Name"},\#(metadata),"spec":\#(spec)},"required":["name","spec"],"additionalProperties":false}"#
                )
            ),
            (
                "\(word)List",
                Schema(
                    #"{"type":"object","properties":{"kind":{"const":"\#(one)List"},"revision":{"type":"integer"},"items":{"type":"array","items":{"$ref":"@\#(word)"}},"continue":{"type":"string"}},"required":["kind","revision","items"]}"#
                )
            ),
        ]
    }

    private static func status(_ kind: ComputeKind) -> String {
        switch kind {
        case .machineType: #"{"type":"object"}"#
        case .image:
            #"{"type":"object","properties":{"state":{"enum":["uploading","checking","ready","refused"]},"received":{"type":"integer"},"message":{"type":"string"}},"required":["state","received"]}"#
        case .vm:
            #"{"type":"object","properties":{"state":{"enum":["waiting","starting","running","stopping","stopped","failed","lost"]},"host":{"type":"string"},"placed":{"type":"string","format":"date-time"},"message":{"type":"string"},"machine":{"type":"object"},"generation":{"type":"integer"},"since":{"type":"string","format":"date-time"},"conditions":{"type":"array","items":{"type":"object"}}},"required":["state","machine"]}"#
        case .computeHost: #"{"type":"object","properties":{"state":{"type":"string"}},"required":["state"]}"#
        }
    }

    private static let shared: [(name: String, schema: Schema)] = [
        (
            "Upload",
            Schema(
                #"{"type":"object","properties":{"received":{"type":"integer"},"size":{"type":"integer"},"state":{"enum":["uploading","checking","ready","refused"]}},"required":["received","size","state"]}"#
            )
        ),
        (
            "PlacementReasons",
            Schema(
                #"{"type":"object","properties":{"summary":{"type":"string"},"place":{"type":"object"},"hosts":{"type":"array","items":{"type":"object","properties":{"host":{"type":"string"},"reasons":{"type":"array","items":{"type":"string"}}},"required":["host","reasons"]}}},"required":["summary"]}"#
            )
        ),
        (
            "ConsoleDraft",
            Schema(
                #"{"type":"object","properties":{"force":{"type":"boolean","default":false}},"additionalProperties":false}"#
            )
        ),
        (
            "Console",
            Schema(
                #"{"type":"object","properties":{"session":{"type":"string","format":"uuid"},"vm":{"type":"string","format":"uuid"},"by":{"type":"string"},"since":{"type":"string","format":"date-time"}},"required":["session","vm","by","since"]}"#
            )
        ),
        (
            "ConsolePiece",
            Schema(
                #"{"type":"object","description":"One piece: bytes in base64, a notice for people, or both.","properties":{"bytes":{"type":"string","maxLength":21848},"notice":{"type":"string","maxLength":512}},"additionalProperties":false}"#
            )
        ),
        (
            "GuestFacts",
            Schema(
                #"{"type":"object","properties":{"project":{"type":"string","format":"uuid"},"guest":{"type":"object","properties":{"instance":{"type":"string","format":"uuid"},"hostname":{"$ref":"@Name"},"sshKeys":{"type":"array","items":{"type":"string"}},"userData":{"type":"string"}},"required":["instance","hostname"]},"interfaces":{"type":"array","items":{"type":"object","properties":{"attachment":{"type":"string","format":"uuid"},"mac":{"type":"string"},"mtu":{"type":"integer"}},"required":["attachment","mac","mtu"]}},"lasting":{"type":"boolean"}},"required":["project","guest","interfaces","lasting"]}"#
            )
        ),
        (
            "OrderEvent",
            Schema(
                #"{"type":"object","description":"One event: computeHost, order, kept, removed, complete or consoles."}"#
            )
        ),
    ]
}
