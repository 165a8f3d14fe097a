package import Resources

/// What a VM's disk begins with. The bytes are elsewhere: this says which bytes they must be.
package enum Image: ResourceKind {
    package static let kind = KindName("image", plural: "images", isInProject: true, service: "compute")
    package typealias Assigned = Nothing

    package enum Format: String, Choice {
        case raw, qcow2
    }

    package struct Spec: Hashable, JSONCodable {
        /// Said by whoever brings the image, never guessed from its bytes.
        package var format: Format
        package var architecture: Architecture
        /// Of the file, in bytes.
        package var size: UInt64
        package var sha256: SHA256Digest
        /// The least disk that holds the image's contents.
        package var minimumDiskGiB: UInt64
        /// Whether VMs of other projects may use it.
        package var isShared: Bool
        /// Where the server fetches the bytes; nil for those that somebody brings.
        package var url: String?

        package init(
            format: Format, architecture: Architecture, size: UInt64, sha256: SHA256Digest, minimumDiskGiB: UInt64,
            isShared: Bool = false, url: String? = nil
        ) {
            self.format = format
            self.architecture = architecture
            self.size = size
            self.sha256 = sha256
            self.minimumDiskGiB = minimumDiskGiB
            self.isShared = isShared
            self.url = url
        }

        static let address = TextShape(
            pattern: "^https?://[!-~]+$", minimum: 9, maximum: 2048,
            rule: "must be an address that begins with https:// or http://, of at most 2048 characters without spaces"
        ) { text in
            (text.hasPrefix("https://") || text.hasPrefix("http://"))
                && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
        }

        /// A sector to 16 TiB.
        package static let sizes: ClosedRange<UInt64> = 512...17_592_186_044_416

        package static let shape = Shape.object([
            .required("format", Format.shape, "of the file"),
            .required("architecture", Architecture.shape, "of the programs inside"),
            .required("size", .integer(sizes, step: 1), "of the file, in bytes"),
            .required("sha256", .text(SHA256Digest.text), "of the file"),
            .required(
                "minimumDiskGiB", .integer(MachineType.Spec.disks, step: 1), "the least disk that holds its contents"),
            .optional("shared", .boolean, standard: .flag(false), "whether other projects may use it"),
            .optional("url", .text(address), "where the server fetches it, instead of an upload"),
        ])

        /// The JSON Schema of an image's spec.
        package static func schema() -> [UInt8] { shape.schema(identifier: "urn:kc:image", title: "Image") }
    }
}

extension Image.Spec {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        try Self.shape.check(node, path: path)
        var reader = try FieldReader(node, path: path)
        self.init(
            format: try reader.required("format"), architecture: try reader.required("architecture"),
            size: try reader.required("size"), sha256: try reader.required("sha256"),
            minimumDiskGiB: try reader.required("minimumDiskGiB"), isShared: try reader.optional("shared") ?? false,
            url: try reader.optional("url"))
        try reader.finish()
        guard format != .raw || size <= minimumDiskGiB << 30 else {
            throw FieldError(
                field: reader.path(of: "minimumDiskGiB"), value: "\(minimumDiskGiB)",
                rule: "must hold the \(size) bytes of a raw image")
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("format", format)
            writer.member("architecture", architecture)
            writer.member("size", size)
            writer.member("sha256", sha256)
            writer.member("minimumDiskGiB", minimumDiskGiB)
            if isShared { writer.member("shared", true) }
            if let url { writer.member("url", url) }
        }
    }

    /// Why a new image's address cannot be fetched, whoever asks; nil when it may be tried.
    package var refusalOfAddress: String? {
        guard let url, let start = url.firstRange(of: "://") else { return nil }
        let rest = url[start.upperBound...]
        let server = rest.prefix { !"/?#".contains($0) }
        if server.contains("@") {
            return "must hold no user and no password: whoever sees the image would read them"
        }
        if server.contains("%") { return "must hold no zone: it has a meaning on one machine alone" }
        if server.isEmpty || server.hasPrefix(":") { return "must name a server" }
        return rest.contains("#") ? "must end before the '#': no server is asked for what follows it" : nil
    }

    /// Why a VM with that machine cannot begin with this image; nil when it can.
    ///
    /// - Parameter path: of the VM's spec.
    package func refusal(of machine: Machine, path: String = "spec") -> FieldError? {
        guard machine.architecture == architecture else {
            return FieldError(
                field: "\(path).image", value: architecture.rawValue,
                rule: "must be of the machine type's architecture, \(machine.architecture.rawValue)")
        }
        guard machine.diskGiB >= minimumDiskGiB else {
            return FieldError(
                field: "\(path).parameters.diskGiB", value: "\(machine.diskGiB)",
                rule: "must be at least the \(minimumDiskGiB) GiB that the image needs")
        }
        return nil
    }
}

/// 32 bytes (FIPS 180-4), written as 64 hex digits in lower case.
package struct SHA256Digest: Hashable, Sendable, JSONCodable, CustomStringConvertible {
    package let description: String

    package init?(_ text: String) {
        guard text.utf8.count == 64, text.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else {
            return nil
        }
        description = text
    }

    static let text = TextShape(
        pattern: "^[0-9a-f]{64}$", minimum: 64, maximum: 64, rule: "must be 64 hex digits in lower case"
    ) { SHA256Digest($0) != nil }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        guard let digest = Self(text) else { throw FieldError(field: path, value: text, rule: Self.text.rule) }
        self = digest
    }
    package func write(to writer: inout JSONWriter) { writer.string(description) }
}

/// How far the bytes of an image are. Kept apart from the image, without history.
package struct ImageReport: Hashable, JSONCodable {
    package enum State: String, Choice {
        /// Nothing or a part of it has come.
        case uploading
        /// Being checked, or made into the store's own format.
        case checking
        case ready
        /// Not what the spec says, or not allowed; `message` says what.
        case refused
    }

    package var state: State
    /// Bytes of `spec.size` that are there.
    package var received: UInt64
    package var message: String

    package init(state: State, received: UInt64, message: String = "") {
        self.state = state
        self.received = received
        self.message = String(decoding: message.utf8.prefix(Condition.maximumMessage), as: UTF8.self)
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            state: try reader.required("state"), received: try reader.required("received"),
            message: try reader.optional("message") ?? "")
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("state", state)
            writer.member("received", received)
            if !message.isEmpty { writer.member("message", message) }
        }
    }
}
