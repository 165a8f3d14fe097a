import HTTPServing

/// Who asks, and how hosts get in.
extension Schemas {
    static var access: [(String, Schema)] {
        [
            (
                "Identity",
                Schema(
                    #"{"type":"object","properties":{"role":{"enum":["administrator","identity","host","joining"]},"via":{"type":"string"},"host":{"type":"string","format":"uuid"},"name":{"type":"string"},"everywhere":\#(role),"projects":{"type":"object","description":"Roles by name or id of a project.","additionalProperties":\#(role)},"verbs":{"type":"array","items":{"type":"string"}},"kinds":{"type":"array","items":{"type":"string"}},"expires":{"type":"string","format":"date-time"},"time":{"type":"string","format":"date-time","description":"The server's clock."}},"required":["role"]}"#
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
                    #"{"type":"object","properties":{"token":{"type":"string"},"expires":{"type":"string","format":"date-time"},"fingerprint":{"type":"string"},"url":{"type":"string"}},"required":["token","expires"]}"#
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
        ]
    }
}
