package import Resources

/// Marked frames at a host's end of a segment's tunnel, whatever became of them before and behind it: each counted once.
package struct PassageFinding: Hashable, Sendable {
    /// From the bridge into the tunnel.
    package var left: Int
    /// Out of the tunnel, to the bridge.
    package var entered: Int
    /// The same of solicitations.
    package var solicitationsLeft: Int
    package var solicitationsEntered: Int

    package init(left: Int = 0, entered: Int = 0, solicitationsLeft: Int = 0, solicitationsEntered: Int = 0) {
        self.left = left
        self.entered = entered
        self.solicitationsLeft = solicitationsLeft
        self.solicitationsEntered = solicitationsEntered
    }
}

/// How the guards in a host's kernel differ from those that its agent wants there, for the ports of a way.
package struct GuardFinding: Hashable, Sendable {
    /// KC's tables are there and are not what the agent has made: somebody changed rules in them.
    package var isChanged: Bool
    /// They are not there, or not whole.
    package var isGone: Bool
    /// Elements that sets lack, by set, in nft's words; no more than `maximumElements`.
    package var missing: [String: [String]]

    package init(isChanged: Bool = false, isGone: Bool = false, missing: [String: [String]] = [:]) {
        self.isChanged = isChanged
        self.isGone = isGone
        self.missing = missing
    }

    package static let maximumElements = 64

    /// What was so at both of two moments; nil for nothing.
    package func common(with other: GuardFinding) -> GuardFinding? {
        var common = GuardFinding(isChanged: isChanged && other.isChanged, isGone: isGone && other.isGone)
        for (set, elements) in missing {
            let both = elements.filter((other.missing[set] ?? []).contains)
            if !both.isEmpty { common.missing[set] = both }
        }
        return common.isChanged || common.isGone || !common.missing.isEmpty ? common : nil
    }
}

extension PassageFinding: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            left: try reader.required("left"), entered: try reader.required("entered"),
            solicitationsLeft: try reader.required("solicitationsLeft"),
            solicitationsEntered: try reader.required("solicitationsEntered"))
        try reader.finish()
        try ProbeTally.check([left, entered, solicitationsLeft, solicitationsEntered], path: path)
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("left", left)
            writer.member("entered", entered)
            writer.member("solicitationsLeft", solicitationsLeft)
            writer.member("solicitationsEntered", solicitationsEntered)
        }
    }
}

extension GuardFinding: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            isChanged: try reader.required("isChanged"), isGone: try reader.required("isGone"),
            missing: try reader.optional("missing") ?? [:])
        guard missing.count <= Self.maximumElements,
            missing.values.allSatisfy({ $0.count <= Self.maximumElements && $0.allSatisfy { $0.utf8.count <= 512 } })
        else {
            throw FieldError(
                field: path, rule: "must have at most \(Self.maximumElements) elements, of 512 bytes each")
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("isChanged", isChanged)
            writer.member("isGone", isGone)
            if !missing.isEmpty { writer.member("missing", missing) }
        }
    }
}
