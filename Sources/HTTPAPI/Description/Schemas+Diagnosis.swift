import HTTPServing

/// What is predicted, measured and captured.
extension Schemas {
    static var diagnosis: [(String, Schema)] {
        [
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
        ]
    }
}
