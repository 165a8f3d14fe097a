import Addressing
package import Resources

extension HostUpdate: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            revision: try reader.required("revision"), reset: try reader.optional("reset") ?? false,
            host: try reader.optional("host"), underlay: try reader.optional("underlay"),
            vteps: try reader.optional("vteps", as: [IPv6Address].self).map(Set.init),
            segments: try reader.optional("segments") ?? [], attachments: try reader.optional("attachments") ?? [],
            gateways: try reader.optional("gateways") ?? [])
        if let removed = reader.node("removed") {
            var reader = try FieldReader(removed, path: reader.path(of: "removed"))
            removedSegments = Set(try reader.optional("segments", as: [ResourceID].self) ?? [])
            removedAttachments = Set(try reader.optional("attachments", as: [ResourceID].self) ?? [])
            removedGateways = Set(try reader.optional("gateways", as: [ResourceID].self) ?? [])
            try reader.finish()
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("revision", revision)
            writer.member("reset", reset)
            writer.member("host", host)
            writer.member("underlay", underlay)
            writer.member("vteps", vteps.map { $0.sorted() })
            if !segments.isEmpty { writer.member("segments", segments) }
            if !attachments.isEmpty { writer.member("attachments", attachments) }
            if !gateways.isEmpty { writer.member("gateways", gateways) }
            guard !removedSegments.isEmpty || !removedAttachments.isEmpty || !removedGateways.isEmpty else { return }
            writer.name("removed")
            writer.object { writer in
                writer.member("segments", removedSegments.sorted())
                writer.member("attachments", removedAttachments.sorted())
                writer.member("gateways", removedGateways.sorted())
            }
        }
    }
}

extension HostIdentity: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            id: try reader.required("id"), name: try reader.required("name"), vtep: try reader.required("vtep"),
            interface: try reader.required("interface"), generation: try reader.required("generation"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", id)
            writer.member("name", name)
            writer.member("vtep", vtep)
            writer.member("interface", interface)
            writer.member("generation", generation)
        }
    }
}

extension DesiredSegment: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            id: try reader.required("id"), generation: try reader.required("generation"),
            vni: try reader.required("vni"),
            group: try reader.required("group"), mtu: try reader.required("mtu"), ipam: try reader.required("ipam"),
            prefix: try reader.optional("prefix"), replication: try reader.required("replication"),
            peers: Set(try reader.optional("peers", as: [IPv6Address].self) ?? []))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", id)
            writer.member("generation", generation)
            writer.member("vni", vni)
            writer.member("group", group)
            writer.member("mtu", mtu)
            writer.member("ipam", ipam)
            writer.member("prefix", prefix)
            writer.member("replication", replication)
            writer.member("peers", peers.sorted())
        }
    }
}

extension DesiredAttachment: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            id: try reader.required("id"), generation: try reader.required("generation"),
            segment: try reader.required("segment"), mac: try reader.required("mac"),
            addresses: try reader.optional("addresses") ?? [], port: try reader.required("port"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", id)
            writer.member("generation", generation)
            writer.member("segment", segment)
            writer.member("mac", mac)
            writer.member("addresses", addresses)
            writer.member("port", port)
        }
    }
}

extension DesiredGateway: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            id: try reader.required("id"), generation: try reader.required("generation"),
            ports: try Gateway.Assigned(
                portsOf: reader.required("ports", as: [String: ResourceID].self), path: reader.path(of: "ports")
            ).ports,
            resolvers: try reader.optional("resolvers") ?? [])
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", id)
            writer.member("generation", generation)
            writer.member("ports", Gateway.Assigned(ports: ports).portsByText)
            writer.member("resolvers", resolvers)
        }
    }
}
