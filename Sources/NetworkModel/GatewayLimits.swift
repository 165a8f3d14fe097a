package import Resources

/// How much may pass a managed gateway. What exceeds a limit is dropped and counted as `rate`.
package struct GatewayLimits: Hashable, Sendable {
    /// Flows a second that one source, inside or outside, may begin through the gateway; nil takes
    /// `standardNewFlowsPerSource`. Bursts of four seconds' worth pass.
    package var newFlowsPerSource: UInt64?
    /// Bits a second that may go to each segment, and as many that may come from it, across the uplink; nil: no limit.
    package var bandwidthPerSegment: UInt64?

    package init(newFlowsPerSource: UInt64? = nil, bandwidthPerSegment: UInt64? = nil) {
        self.newFlowsPerSource = newFlowsPerSource
        self.bandwidthPerSegment = bandwidthPerSegment
    }

    package static let none = GatewayLimits()

    /// As on ports.
    package static let standardNewFlowsPerSource: UInt64 = 1000
}

extension GatewayLimits: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        func limit(_ name: String, _ range: ClosedRange<UInt64>, _ unit: String) throws(FieldError) -> UInt64? {
            guard let value = try reader.optional(name, as: UInt64.self) else { return nil }
            guard range.contains(value) else {
                throw FieldError(
                    field: reader.path(of: name), value: "\(value)",
                    rule: "must be from \(range.lowerBound) to \(range.upperBound) \(unit) a second")
            }
            return value
        }
        self.init(
            newFlowsPerSource: try limit("newFlowsPerSource", AttachmentLimits.newFlows, "flows"),
            bandwidthPerSegment: try limit("bandwidthPerSegment", AttachmentLimits.bandwidths, "bits"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("newFlowsPerSource", newFlowsPerSource)
            writer.member("bandwidthPerSegment", bandwidthPerSegment)
        }
    }
}
