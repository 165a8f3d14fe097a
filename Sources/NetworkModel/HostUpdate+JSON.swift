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
            gateways: try reader.optional("gateways") ?? [], policies: try reader.optional("policies") ?? [],
            members: try reader.optional("members") ?? [], bindings: try reader.optional("bindings") ?? [],
            probes: try reader.optional("probes") ?? [], reservations: try reader.optional("reservations") ?? [],
            names: try reader.optional("names") ?? NamesUpdate())
        if let removed = reader.node("removed") {
            var reader = try FieldReader(removed, path: reader.path(of: "removed"))
            removedSegments = Set(try reader.optional("segments", as: [ResourceID].self) ?? [])
            removedAttachments = Set(try reader.optional("attachments", as: [ResourceID].self) ?? [])
            removedGateways = Set(try reader.optional("gateways", as: [ResourceID].self) ?? [])
            removedPolicies = Set(try reader.optional("policies", as: [ResourceID].self) ?? [])
            removedMembers = Set(try reader.optional("members", as: [ResourceID].self) ?? [])
            removedProbes = Set(try reader.optional("probes", as: [ResourceID].self) ?? [])
            try reader.finish()
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) { write(to: &writer, .newest) }

    /// Writes what a reader of `format` understands.
    package func write(to writer: inout JSONWriter, _ format: HostUpdateFormat) {
        writer.object { writer in
            writer.member("revision", revision)
            writer.member("reset", reset)
            if let host {
                writer.name("host")
                host.write(to: &writer, format)
            }
            writer.member("underlay", underlay)
            writer.member("vteps", vteps.map { $0.sorted() })
            if !segments.isEmpty { Self.write("segments", segments, &writer) { $0.write(to: &$1, format) } }
            if !attachments.isEmpty { Self.write("attachments", attachments, &writer) { $0.write(to: &$1, format) } }
            // A reader of an earlier format would take whoever is to route for who routes.
            let known = format >= .guests ? gateways : gateways.filter { $0.role == .active }
            if !known.isEmpty { Self.write("gateways", known, &writer) { $0.write(to: &$1, format) } }
            if format >= .isolation {
                let policies = format >= .ipv4 ? policies : policies.map(\.withoutIPv4)
                if !policies.isEmpty { writer.member("policies", policies) }
                if !members.isEmpty { writer.member("members", members) }
                if !bindings.isEmpty { writer.member("bindings", bindings) }
                let known = probes.filter { $0.format <= format }.map { $0.known(to: format) }
                if !known.isEmpty { writer.member("probes", known) }
            }
            if format >= .services, !reservations.isEmpty {
                Self.write("reservations", reservations, &writer) { $0.write(to: &$1, format) }
            }
            if format >= .services, !names.isEmpty { writer.member("names", names) }
            writeRemoved(to: &writer, format)
        }
    }

    private func writeRemoved(to writer: inout JSONWriter, _ format: HostUpdateFormat) {
        let newer =
            format >= .isolation && !(removedPolicies.isEmpty && removedMembers.isEmpty && removedProbes.isEmpty)
        guard newer || !removedSegments.isEmpty || !removedAttachments.isEmpty || !removedGateways.isEmpty else {
            return
        }
        writer.name("removed")
        writer.object { writer in
            writer.member("segments", removedSegments.sorted())
            writer.member("attachments", removedAttachments.sorted())
            writer.member("gateways", removedGateways.sorted())
            guard newer else { return }
            writer.member("policies", removedPolicies.sorted())
            writer.member("members", removedMembers.sorted())
            writer.member("probes", removedProbes.sorted())
        }
    }

    private static func write<Item>(
        _ name: String, _ items: [Item], _ writer: inout JSONWriter, _ write: (Item, inout JSONWriter) -> Void
    ) {
        writer.name(name)
        writer.array { writer in for item in items { write(item, &writer) } }
    }

    /// The JSON text for a reader of `format`.
    package func json(_ format: HostUpdateFormat) -> [UInt8] {
        var writer = JSONWriter()
        write(to: &writer, format)
        return writer.bytes
    }
}

extension HostIdentity: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            id: try reader.required("id"), name: try reader.required("name"), vtep: try reader.required("vtep"),
            interface: try reader.required("interface"), generation: try reader.required("generation"),
            serviceAddress: try reader.optional("serviceAddress"), isPaused: try reader.optional("paused") ?? false)
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) { write(to: &writer, .newest) }

    func write(to writer: inout JSONWriter, _ format: HostUpdateFormat) {
        writer.object { writer in
            writer.member("id", id)
            writer.member("name", name)
            writer.member("vtep", vtep)
            writer.member("interface", interface)
            writer.member("generation", generation)
            if isPaused, format >= .diagnosis { writer.member("paused", true) }
            if format >= .guests { writer.member("serviceAddress", serviceAddress) }
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
            peers: Set(try reader.optional("peers", as: [IPv6Address].self) ?? []),
            gateways: try reader.optional("gateways") ?? [], dhcp: try reader.optional("dhcp") ?? .none,
            ipv4: try reader.optional("ipv4"), shared: try reader.optional("shared") ?? [])
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) { write(to: &writer, .newest) }

    func write(to writer: inout JSONWriter, _ format: HostUpdateFormat) {
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
            if format >= .isolation, !gateways.isEmpty { writer.member("gateways", gateways) }
            if format >= .services, dhcp != .none { writer.member("dhcp", dhcp) }
            if format >= .ipv4 { writer.member("ipv4", ipv4) }
            if format >= .sharedAddresses, !shared.isEmpty { writer.member("shared", shared) }
        }
    }
}

extension DesiredAttachment: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            id: try reader.required("id"), generation: try reader.required("generation"),
            segment: try reader.required("segment"), mac: try reader.required("mac"),
            addresses: try reader.optional("addresses") ?? [], port: try reader.required("port"),
            policies: try reader.optional("policies") ?? [.builtIn(.allowSegment)],
            allowedAddresses: try reader.optional("allowedAddresses") ?? [],
            limits: try reader.optional("limits") ?? .none,
            learnedAddressLimit: try reader.optional("learnedAddresses") ?? Attachment.Spec.standardLearnedAddresses,
            ipv4: try reader.optional("ipv4"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) { write(to: &writer, .newest) }

    func write(to writer: inout JSONWriter, _ format: HostUpdateFormat) {
        writer.object { writer in
            writer.member("id", id)
            writer.member("generation", generation)
            writer.member("segment", segment)
            writer.member("mac", mac)
            writer.member("addresses", addresses)
            writer.member("port", port)
            guard format >= .isolation else { return }
            writer.member("policies", policies)
            if !allowedAddresses.isEmpty { writer.member("allowedAddresses", allowedAddresses) }
            if limits != .none { writer.member("limits", limits) }
            writer.member("learnedAddresses", learnedAddressLimit)
            if format >= .ipv4 { writer.member("ipv4", ipv4) }
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
            resolvers: try reader.optional("resolvers") ?? [], resolver: try reader.optional("resolver"),
            uplink: try reader.optional("uplink"),
            policies: try reader.optional("policies") ?? [], limits: try reader.optional("limits") ?? .none,
            nat64: try reader.optional("nat64"), services: try reader.optional("services") ?? [],
            role: try reader.optional("role") ?? .active, term: try reader.optional("term") ?? 0)
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) { write(to: &writer, .newest) }

    func write(to writer: inout JSONWriter, _ format: HostUpdateFormat) {
        writer.object { writer in
            writer.member("id", id)
            writer.member("generation", generation)
            writer.member("ports", Gateway.Assigned(ports: ports).portsByText)
            writer.member("resolvers", resolvers)
            guard format >= .services else { return }
            writer.member("resolver", resolver)
            if let uplink { writer.member("uplink", uplink) }
            if !policies.isEmpty { writer.member("policies", policies) }
            if limits != .none { writer.member("limits", limits) }
            if let nat64 { writer.member("nat64", nat64) }
            guard format >= .guests else { return }
            if !services.isEmpty { writer.member("services", services) }
            if role != .active { writer.member("role", role) }
            if term != 0 { writer.member("term", term) }
        }
    }
}
