import Addressing
package import Resources

extension PathTask: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            nonce: try reader.required("nonce"), flow: try reader.required("flow"),
            segment: try reader.optional("segment"), from: try reader.required("from"), to: try reader.required("to"),
            gateway: try reader.optional("gateway"),
            extras: Set(try reader.optional("extras", as: [PathExtra].self) ?? []),
            resolver: try reader.optional("resolver"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("nonce", nonce)
            writer.member("flow", flow)
            writer.member("segment", segment)
            writer.member("from", from)
            writer.member("to", to)
            writer.member("gateway", gateway)
            if !extras.isEmpty { writer.member("extras", extras.sorted { $0.rawValue < $1.rawValue }) }
            writer.member("resolver", resolver)
        }
    }

    /// As an agent that reads this format knows it.
    func known(to format: HostUpdateFormat) -> PathTask {
        guard format < .closerLook else { return self }
        var task = self
        task.extras.remove(.closerLook)
        guard format < .layers else { return task }
        task.extras = []
        task.resolver = nil
        return task
    }
}

extension PathResolver: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(address: try reader.required("address"), router: try reader.required("router"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("address", address)
            writer.member("router", router)
        }
    }
}

extension PathEnd: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            host: try reader.required("host"), vtep: try reader.required("vtep"), guest: try reader.optional("guest"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("host", host)
            writer.member("vtep", vtep)
            writer.member("guest", guest)
        }
    }
}

extension PathEnd.Guest: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            attachment: try reader.required("attachment"), mac: try reader.required("mac"),
            address: try reader.required("address"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("attachment", attachment)
            writer.member("mac", mac)
            writer.member("address", address)
        }
    }
}

extension ProbeNonce: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        guard text.utf8.count == 32, let high = UInt64(text.prefix(16), radix: 16),
            let low = UInt64(text.suffix(16), radix: 16)
        else { throw FieldError(field: path, rule: "must be 32 hex digits") }
        self.init(high: high, low: low)
    }

    package func write(to writer: inout JSONWriter) {
        writer.string(
            [high, low].map { word in
                let digits = String(word, radix: 16)
                return String(repeating: "0", count: 16 - digits.count) + digits
            }.joined())
    }
}

extension PathFlow: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        guard let flow = PathFlow(text) else { throw FieldError(field: path, value: text, rule: Self.rule) }
        self = flow
    }

    package func write(to writer: inout JSONWriter) { writer.string(description) }
}
