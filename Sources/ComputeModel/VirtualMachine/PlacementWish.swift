package import Resources

/// Where a VM may run, beyond where it fits.
package struct PlacementWish: Hashable, Sendable {
    /// A condition on the compute host's labels; nil: any host.
    package var hosts: Selector?
    /// The text of `hosts`, given back as it was written.
    package private(set) var hostsText: String?
    /// Keys of taints that do not matter to this VM.
    package var tolerations: Set<TaintKey>
    /// Groups of this project, of each of which no two VMs run on one host.
    package var antiAffinity: Set<Name>

    package static let maximumTolerations = 16
    package static let maximumGroups = 8

    package init() {
        tolerations = []
        antiAffinity = []
    }

    /// - Throws: on field "selector" for a text that is no selector.
    package init(hosts: String?, tolerations: Set<TaintKey> = [], antiAffinity: Set<Name> = []) throws(FieldError) {
        if let hosts { self.hosts = try Selector(parsing: hosts) }
        hostsText = hosts
        self.tolerations = tolerations
        self.antiAffinity = antiAffinity
    }

    static let shape = Shape.object([
        .optional(
            "hosts",
            .text(TextShape(maximum: Selector.maximumLength, rule: "must be at most \(Selector.maximumLength) bytes")),
            "a selector over the labels of compute hosts"),
        .optional(
            "tolerations", .array(.text(TaintKey.text), count: 0...maximumTolerations, unique: true),
            "keys of taints that do not matter"),
        .optional(
            "antiAffinity", .array(.text(.name), count: 0...maximumGroups, unique: true),
            "groups of which no two VMs run on one host"),
    ])
}

extension PlacementWish: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let text: String? = try reader.optional("hosts")
        let tolerations = Set(try reader.optional("tolerations", as: [TaintKey].self) ?? [])
        let antiAffinity = Set(try reader.optional("antiAffinity", as: [Name].self) ?? [])
        try reader.finish()
        do { try self.init(hosts: text, tolerations: tolerations, antiAffinity: antiAffinity) } catch {
            throw FieldError(field: reader.path(of: "hosts"), value: error.value, rule: error.rule)
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("hosts", hostsText)
            if !tolerations.isEmpty { writer.member("tolerations", tolerations.sorted()) }
            if !antiAffinity.isEmpty { writer.member("antiAffinity", antiAffinity.sorted()) }
        }
    }
}
