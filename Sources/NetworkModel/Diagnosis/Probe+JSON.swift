package import Resources

extension ProbeQuestion: JSONCodable {
    private enum Tag: String, Choice {
        case drops, leases, translation, path, capture
        case gatewayDrops = "gateway-drops"
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        switch try reader.required("type", as: Tag.self) {
        case .drops: self = .drops(attachment: try reader.required("attachment"))
        case .leases: self = .leases(gateway: try reader.required("gateway"))
        case .translation: self = .translation(gateway: try reader.required("gateway"))
        case .gatewayDrops: self = .gatewayDrops(gateway: try reader.required("gateway"))
        case .path: self = .path(try reader.required("task"))
        case .capture: self = .capture(try reader.required("task"))
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            switch self {
            case .drops(let attachment):
                writer.member("type", Tag.drops)
                writer.member("attachment", attachment)
            case .leases(let gateway):
                writer.member("type", Tag.leases)
                writer.member("gateway", gateway)
            case .translation(let gateway):
                writer.member("type", Tag.translation)
                writer.member("gateway", gateway)
            case .gatewayDrops(let gateway):
                writer.member("type", Tag.gatewayDrops)
                writer.member("gateway", gateway)
            case .path(let task):
                writer.member("type", Tag.path)
                writer.member("task", task)
            case .capture(let task):
                writer.member("type", Tag.capture)
                writer.member("task", task)
            }
        }
    }
}

extension DesiredProbe: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            id: try reader.required("id"), question: try reader.required("question"),
            seconds: try reader.required("seconds"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", id)
            writer.member("question", question)
            writer.member("seconds", seconds)
        }
    }
}

extension ProbeResult: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            try reader.required("phase"), message: try reader.optional("message"), drops: try reader.optional("drops"),
            leases: try reader.optional("leases"), translation: try reader.optional("translation"),
            path: try reader.optional("path"), capture: try reader.optional("capture"))
        guard (message?.utf8.count ?? 0) <= 2048 else {
            throw FieldError(field: reader.path(of: "message"), rule: "must be at most 2048 bytes")
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("phase", phase)
            writer.member("message", message)
            writer.member("drops", drops)
            writer.member("leases", leases)
            writer.member("translation", translation)
            writer.member("path", path)
            writer.member("capture", capture)
        }
    }
}

extension DropReport: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            counters: try reader.required("counters"), frames: try reader.optional("frames") ?? [],
            unseen: try reader.optional("unseen") ?? 0)
        guard counters.count <= Self.maximumCounters, counters.keys.allSatisfy(DroppedFrame.isReason) else {
            throw FieldError(
                field: reader.path(of: "counters"),
                rule: "must be at most \(Self.maximumCounters), named with 1 to 32 of a-z and '-'")
        }
        guard frames.count <= Self.maximumFrames else {
            throw FieldError(field: reader.path(of: "frames"), rule: "must be at most \(Self.maximumFrames)")
        }
        try reader.finish()
        try PacketCount.check([unseen] + counters.values, path: path)
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("counters", counters)
            writer.member("frames", frames)
            writer.member("unseen", unseen)
        }
    }
}

extension DroppedFrame: JSONCodable {
    /// What a reason looks like, also one that this version does not know.
    static func isReason(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count)
            && text.utf8.allSatisfy { (97...122).contains($0) || $0 == UInt8(ascii: "-") }
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let hex: String = try reader.required("bytes")
        guard let bytes = [UInt8](hex: hex), bytes.count <= Self.maximumBytes else {
            throw FieldError(
                field: reader.path(of: "bytes"), value: hex, rule: "must be at most \(Self.maximumBytes) bytes in hex")
        }
        self.init(
            number: try reader.required("number"), time: try reader.required("time"),
            reason: try reader.required("reason"), direction: try reader.required("direction"),
            length: try reader.required("length"), bytes: bytes)
        guard Self.isReason(reason) else {
            throw FieldError(
                field: reader.path(of: "reason"), value: reason, rule: "must be 1 to 32 of a-z and '-'")
        }
        guard (0...65_549).contains(length) else {
            throw FieldError(field: reader.path(of: "length"), value: "\(length)", rule: "must be from 0 to 65549")
        }
        try reader.finish()
        try PacketCount.check([number], path: path)
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("number", number)
            writer.member("time", time)
            writer.member("reason", reason)
            writer.member("direction", direction)
            writer.member("length", length)
            writer.member("bytes", bytes.hex)
        }
    }
}
