import Addressing
package import Resources

extension PathFindings: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            revision: try reader.required("revision"), underlay: try reader.optional("underlay"),
            devices: Set(try reader.optional("devices", as: [DeviceFinding].self) ?? []),
            entries: Set(try reader.optional("entries", as: [ForwardingFinding].self) ?? []),
            hasJoined: try reader.optional("hasJoined"), tallies: try reader.optional("tallies") ?? [],
            guests: try reader.optional("guests") ?? [], gateway: try reader.optional("gateway"),
            failures: try reader.optional("failures") ?? [], time: try reader.optional("time"),
            isGuarded: try reader.optional("isGuarded"), passage: try reader.optional("passage"),
            guards: try reader.optional("guards"))
        guard
            [devices.count, entries.count, tallies.count, guests.count, failures.count].allSatisfy({
                $0 <= Self.maximumItems
            }), failures.allSatisfy({ $0.utf8.count <= 1024 })
        else {
            throw FieldError(
                field: path, rule: "must have at most \(Self.maximumItems) of each, and words of 1024 bytes")
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("revision", revision)
            writer.member("underlay", underlay)
            writer.member("devices", Array(devices))
            writer.member("entries", Array(entries))
            writer.member("hasJoined", hasJoined)
            writer.member("tallies", tallies)
            writer.member("guests", guests)
            writer.member("gateway", gateway)
            writer.member("failures", failures)
            writer.member("time", time)
            writer.member("isGuarded", isGuarded)
            writer.member("passage", passage)
            writer.member("guards", guards)
        }
    }
}

extension UnderlayFinding: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            hasAddress: try reader.required("hasAddress"), routeInterface: try reader.optional("routeInterface"),
            nextHop: try reader.optional("nextHop"), neighbour: try reader.required("neighbour"),
            neighbourMAC: try reader.optional("neighbourMAC"), ownMAC: try reader.optional("ownMAC"),
            routeMTU: try reader.optional("routeMTU"))
        try reader.finish()
        try ProbeTally.check([routeMTU], path: path)
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("hasAddress", hasAddress)
            writer.member("routeInterface", routeInterface)
            writer.member("nextHop", nextHop)
            writer.member("neighbour", neighbour)
            writer.member("neighbourMAC", neighbourMAC)
            writer.member("ownMAC", ownMAC)
            writer.member("routeMTU", routeMTU)
        }
    }
}

extension DeviceFinding: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            name: try reader.required("name"), role: try reader.required("role"),
            attachment: try reader.optional("attachment"), exists: try reader.required("exists"),
            isUp: try reader.required("isUp"), isRunning: try reader.required("isRunning"),
            mtu: try reader.required("mtu"), master: try reader.optional("master"),
            vxlan: try reader.optional("vxlan"),
            obstacles: Set(try reader.optional("obstacles", as: [Obstacle].self) ?? []))
        try reader.finish()
        try ProbeTally.check([mtu], path: path)
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", name)
            writer.member("role", role)
            writer.member("attachment", attachment)
            writer.member("exists", exists)
            writer.member("isUp", isUp)
            writer.member("isRunning", isRunning)
            writer.member("mtu", mtu)
            writer.member("master", master)
            writer.member("vxlan", vxlan)
            if !obstacles.isEmpty { writer.member("obstacles", obstacles.sorted { $0.rawValue < $1.rawValue }) }
        }
    }
}

extension VXLANFinding: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let port: Int = try reader.required("port")
        let hopLimit: Int = try reader.required("hopLimit")
        self.init(
            vni: try reader.required("vni"), group: try reader.optional("group"), local: try reader.required("local"),
            link: try reader.required("link"), port: UInt16(clamping: port), hopLimit: UInt8(clamping: hopLimit),
            floods: try reader.optional("floods") ?? [])
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("vni", vni)
            writer.member("group", group)
            writer.member("local", local)
            writer.member("link", link)
            writer.member("port", Int(port))
            writer.member("hopLimit", Int(hopLimit))
            writer.member("floods", floods)
        }
    }
}

extension ForwardingFinding: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            device: try reader.required("device"), mac: try reader.required("mac"),
            destination: try reader.optional("destination"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("device", device)
            writer.member("mac", mac)
            writer.member("destination", destination)
        }
    }
}

extension ProbeTally: JSONCodable {
    /// Beyond what any measuring counts; what is computed of it stays far from the ends of `Int`.
    package static let counts = 0...(1 << 40)

    /// - Throws: where a count is beyond `counts`: hosts write them, and a server computes with them.
    static func check(_ counts: [Int?], path: String) throws(FieldError) {
        guard let wrong = counts.compactMap({ $0 }).first(where: { !Self.counts.contains($0) }) else { return }
        throw FieldError(field: path, value: "\(wrong)", rule: "must be a count from 0 to \(Self.counts.upperBound)")
    }

    /// - Throws: where there are more counts than reasons can be, one has another name than reasons have, or is beyond
    ///   `counts`.
    static func check(drops: [String: Int], path: String) throws(FieldError) {
        guard drops.count <= DropReport.maximumCounters, drops.keys.allSatisfy(DroppedFrame.isReason) else {
            throw FieldError(
                field: path + ".drops",
                rule: "must be at most \(DropReport.maximumCounters), named with 1 to 32 of a-z and '-'")
        }
        try check(drops.values.map { $0 }, path: path + ".drops")
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            try reader.required("kind"), sent: try reader.required("sent"),
            sendFailure: try reader.optional("sendFailure", as: Int.self).map(Int32.init(clamping:)),
            onWire: try reader.required("onWire"), delivered: try reader.required("delivered"),
            expected: try reader.optional("expected") ?? 0,
            corrupt: try reader.optional("corrupt") ?? 0, microseconds: try reader.optional("microseconds"),
            drops: try reader.optional("drops") ?? [:])
        try reader.finish()
        try Self.check([sent, onWire, delivered, expected, corrupt, microseconds], path: path)
        try Self.check(drops: drops, path: path)
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("kind", kind)
            writer.member("sent", sent)
            writer.member("sendFailure", sendFailure.map(Int.init))
            writer.member("onWire", onWire)
            writer.member("delivered", delivered)
            writer.member("expected", expected)
            if corrupt > 0 { writer.member("corrupt", corrupt) }
            writer.member("microseconds", microseconds)
            if !drops.isEmpty { writer.member("drops", drops) }
        }
    }
}

extension GuestFinding: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            attachment: try reader.required("attachment"), isNeighbour: try reader.required("isNeighbour"),
            answersEcho: try reader.required("answersEcho"), isPresent: try reader.required("isPresent"),
            claimsOther: try reader.required("claimsOther"), foreignMAC: try reader.optional("foreignMAC"),
            chosenSource: try reader.optional("chosenSource"), refused: try reader.optional("refused") ?? 0,
            drops: try reader.optional("drops") ?? [:], routers: try reader.optional("routers"),
            names: try reader.optional("names"), answersTo: try reader.optional("answersTo"))
        guard routers?.count ?? 0 <= RouterFinding.maximum else {
            throw FieldError(field: path, rule: "must have at most \(RouterFinding.maximum) routers")
        }
        try reader.finish()
        try ProbeTally.check([refused], path: path)
        try ProbeTally.check(drops: drops, path: path)
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("attachment", attachment)
            writer.member("isNeighbour", isNeighbour)
            writer.member("answersEcho", answersEcho)
            writer.member("isPresent", isPresent)
            writer.member("claimsOther", claimsOther)
            writer.member("foreignMAC", foreignMAC)
            writer.member("chosenSource", chosenSource)
            // Servers that do not know these members refuse them: they are left out where there is nothing to say.
            if refused > 0 { writer.member("refused", refused) }
            if !drops.isEmpty { writer.member("drops", drops) }
            writer.member("routers", routers)
            writer.member("names", names)
            writer.member("answersTo", answersTo)
        }
    }
}
