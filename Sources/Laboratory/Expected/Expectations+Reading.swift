import Addressing
import NetworkModel
package import Resources

extension Expectations: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            hosts: try reader.optional("hosts") ?? [], segments: try reader.optional("segments") ?? [],
            attachments: try reader.optional("attachments") ?? [], gateways: try reader.optional("gateways") ?? [],
            pings: try reader.optional("pings") ?? [])
        if let seconds = try reader.optional("within", as: Int.self) {
            guard (1...600).contains(seconds) else {
                throw FieldError(
                    field: reader.path(of: "within"), value: "\(seconds)", rule: "must be from 1 to 600 seconds")
            }
            within = .seconds(seconds)
        }
        try reader.finish()
    }

    /// All files of `expected/` as one statement.
    package init(of folder: TopologyFolder) throws(LaboratoryError) {
        self.init(within: .seconds(1))
        for file in try folder.expected {
            let node = try YAMLText.parse(try readText(file), file: file)
            do { formUnion(try Expectations(json: node, path: "")) } catch {
                throw LaboratoryError(.invalid, operation: "read", subject: file, message: error.description)
            }
        }
    }
}

extension ExpectedHost: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(name: try reader.required("name"), phase: try reader.optional("phase") ?? "up")
        try reader.finish()
    }
}

extension ExpectedSegment: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            name: try reader.required("name"), project: try givenProject(&reader),
            replication: try reader.required("replication"), mtu: try reader.required("mtu"),
            hosts: try reader.required("hosts"))
        try reader.finish()
    }
}

extension ExpectedAttachment: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            name: try reader.required("name"), project: try givenProject(&reader), host: try reader.required("host"),
            phase: try reader.optional("phase") ?? .wired, learned: try reader.optional("learned") ?? 0,
            message: try reader.optional("message"))
        try reader.finish()
    }
}

extension ExpectedGateway: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            name: try reader.required("name"), project: try givenProject(&reader), host: try reader.required("host"),
            phase: try reader.optional("phase") ?? .wired)
        try reader.finish()
    }
}

extension ExpectedPing: JSONReadable {
    /// IPv6 and ICMPv6 headers; the rest of a packet is ping's payload.
    static let headers = 48

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            from: try reader.required("from"), to: try reader.required("to"), size: try reader.optional("size"),
            replies: try reader.optional("replies") ?? true)
        if let size {
            guard (Self.headers...65535).contains(size) else {
                throw FieldError(
                    field: reader.path(of: "size"), value: "\(size)", rule: "must be from \(Self.headers) to 65535")
            }
        }
        try reader.finish()
    }
}

extension ExpectedPing.Target: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        if let place = GuestPlace(text) {
            self = .guest(place)
        } else if let address = IPv6Address(text) {
            self = .address(address)
        } else {
            throw FieldError(field: path, value: text, rule: "must be HOST/GUEST or an IPv6 address")
        }
    }
}

extension GuestPlace: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        guard let place = GuestPlace(text) else {
            throw FieldError(field: path, value: text, rule: "must be HOST/GUEST")
        }
        self = place
    }
}

/// `default` where the file says nothing.
private func givenProject(_ reader: inout FieldReader) throws(FieldError) -> Name {
    if let project = try reader.optional("project", as: Name.self) { return project }
    guard let project = Name("default") else {
        throw FieldError(field: reader.path(of: "project"), rule: Name.rule)
    }
    return project
}
