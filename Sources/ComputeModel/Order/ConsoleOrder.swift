package import Resources

/// Somebody is at the serial console of a VM: its host brings what the guest writes, and takes what is typed.
package struct ConsoleOrder: Hashable, JSONCodable {
    /// Another one each time that somebody comes to the console.
    package var session: ResourceID
    package var vm: ResourceID
    /// Whether whoever else has the console open on the host itself (`virsh console`) loses it.
    package var force: Bool

    package init(session: ResourceID, vm: ResourceID, force: Bool = false) {
        self.session = session
        self.vm = vm
        self.force = force
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            session: try reader.required("session"), vm: try reader.required("vm"),
            force: try reader.optional("force") ?? false)
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("session", session)
            writer.member("vm", vm)
            if force { writer.member("force", force) }
        }
    }
}

/// What goes over a console at once, in one of its directions.
package struct ConsolePiece: Hashable, JSONCodable {
    /// As the guest wrote them, or as they were typed: control sequences among them.
    package var bytes: [UInt8]
    /// For people, from the host: that the VM does not run, say. Never from the guest.
    package var notice: String

    /// Bytes of one piece. What is typed or pasted is far less; what a guest writes comes in many.
    package static let maximum = 16_384
    package static let maximumNotice = 512

    package init(_ bytes: [UInt8], notice: String = "") {
        self.bytes = bytes
        self.notice = String(decoding: notice.utf8.prefix(Self.maximumNotice), as: UTF8.self)
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let text: String? = try reader.optional("bytes")
        let notice: String = try reader.optional("notice") ?? ""
        try reader.finish()
        guard let bytes = text.map({ $0.isEmpty ? [] : Base64.decode($0) }) ?? [], bytes.count <= Self.maximum else {
            throw FieldError(
                field: reader.path(of: "bytes"), value: node.excerpt,
                rule: "must be at most \(Self.maximum) bytes in base64")
        }
        guard notice.utf8.count <= Self.maximumNotice,
            notice.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7f })
        else {
            throw FieldError(
                field: reader.path(of: "notice"), value: "\(notice.utf8.count) bytes",
                rule: "must be at most \(Self.maximumNotice) bytes without control characters")
        }
        self.bytes = bytes
        self.notice = notice
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            if !bytes.isEmpty { writer.member("bytes", Base64.encode(bytes)) }
            if !notice.isEmpty { writer.member("notice", notice) }
        }
    }
}
