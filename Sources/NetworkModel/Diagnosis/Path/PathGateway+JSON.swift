import Addressing
package import Resources

extension PathGateway: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            id: try reader.required("id"), target: try reader.optional("target"), next: try reader.optional("next"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", id)
            writer.member("target", target)
            writer.member("next", next)
        }
    }
}

extension GatewayFinding: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            exists: try reader.required("exists"), isForwarding: try reader.required("isForwarding"),
            hasRouterAddress: try reader.required("hasRouterAddress"), hasWayOut: try reader.required("hasWayOut"),
            inner: try reader.required("inner"), outer: try reader.optional("outer"),
            daemons: try reader.optional("daemons") ?? [], drops: try reader.optional("drops") ?? [:],
            lacks: try reader.optional("lacks"))
        guard daemons.count <= 16, daemons.allSatisfy({ $0.name.utf8.count <= 64 && $0.problem.utf8.count <= 1024 })
        else { throw FieldError(field: path, rule: "must have at most 16 daemons, with words of 1024 bytes") }
        guard (lacks?.utf8.count ?? 0) <= Self.maximumLack else {
            throw FieldError(field: reader.path(of: "lacks"), rule: "must be at most \(Self.maximumLack) bytes")
        }
        try reader.finish()
        try ProbeTally.check(drops: drops, path: path)
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("exists", exists)
            writer.member("isForwarding", isForwarding)
            writer.member("hasRouterAddress", hasRouterAddress)
            writer.member("hasWayOut", hasWayOut)
            writer.member("inner", inner)
            writer.member("outer", outer)
            if !daemons.isEmpty { writer.member("daemons", daemons) }
            if !drops.isEmpty { writer.member("drops", drops) }
            writer.member("lacks", lacks)
        }
    }
}

extension GatewayFinding.Hop: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            try reader.required("device"), exists: try reader.required("exists"),
            isRunning: try reader.required("isRunning"))
        requestsIn = try reader.required("requestsIn")
        requestsOut = try reader.required("requestsOut")
        answersIn = try reader.required("answersIn")
        answersOut = try reader.required("answersOut")
        try reader.finish()
        try ProbeTally.check([requestsIn, requestsOut, answersIn, answersOut], path: path)
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("device", device)
            writer.member("exists", exists)
            writer.member("isRunning", isRunning)
            writer.member("requestsIn", requestsIn)
            writer.member("requestsOut", requestsOut)
            writer.member("answersIn", answersIn)
            writer.member("answersOut", answersOut)
        }
    }
}

extension GatewayFinding.Daemon: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(name: try reader.required("name"), problem: try reader.required("problem"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", name)
            writer.member("problem", problem)
        }
    }
}
