package import Resources

// Members of a newer server are passed over: readers do not finish.

extension Trace: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            revision: Revision(try reader.required("revision", as: UInt64.self)), from: try reader.required("from"),
            to: try reader.required("to"), flow: try reader.required("flow"), verdict: try reader.required("verdict"),
            steps: try reader.required("steps"), notes: try reader.optional("notes") ?? [])
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("revision", revision.value)
            writer.member("from", from)
            writer.member("to", to)
            writer.member("flow", flow)
            writer.member("verdict", verdict)
            writer.member("steps", steps)
            writer.member("notes", notes)
        }
    }
}

extension Trace.End: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            name: try reader.optional("name"), address: try reader.required("address"),
            host: try reader.optional("host"))
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", name)
            writer.member("address", address)
            writer.member("host", host)
        }
    }
}

extension TraceStep: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            try reader.required("direction"), try reader.required("place"), try reader.required("verdict"),
            try reader.required("text"), reason: try reader.optional("reason"), mend: try reader.optional("mend"),
            host: try reader.optional("host"), device: try reader.optional("device"),
            table: try reader.optional("table"), rules: try reader.optional("rules") ?? [],
            missing: try reader.optional("missing") ?? [], detail: try reader.optional("detail") ?? [])
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("direction", direction)
            writer.member("place", place)
            writer.member("verdict", verdict)
            writer.member("reason", reason)
            writer.member("text", text)
            writer.member("mend", mend)
            writer.member("host", host)
            writer.member("device", device)
            writer.member("table", table)
            if !rules.isEmpty { writer.member("rules", rules) }
            if !missing.isEmpty { writer.member("missing", missing) }
            if !detail.isEmpty { writer.member("detail", detail) }
        }
    }
}

extension TraceRule: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            chain: try reader.required("chain"), number: try reader.required("rule"),
            text: try reader.required("text"))
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("chain", chain)
            writer.member("rule", number)
            writer.member("text", text)
        }
    }
}
