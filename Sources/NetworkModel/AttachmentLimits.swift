package import Resources

/// How much may pass an attachment's port; nil members have no limit of the user's (the guards' own limits on Neighbor
/// Discovery, multicast and new flows hold all the same). What exceeds a limit is dropped and counted as `rate`.
package struct AttachmentLimits: Hashable, Sendable {
    /// Towards the guest.
    package struct Inward: Hashable, Sendable {
        /// Bits of Ethernet frames per second.
        package var bandwidth: UInt64?
        package var packetsPerSecond: UInt64?

        package init(bandwidth: UInt64? = nil, packetsPerSecond: UInt64? = nil) {
            self.bandwidth = bandwidth
            self.packetsPerSecond = packetsPerSecond
        }
    }

    /// From the guest.
    package struct Outward: Hashable, Sendable {
        /// Bits of Ethernet frames per second.
        package var bandwidth: UInt64?
        package var packetsPerSecond: UInt64?
        /// Flows that begin here, towards outside the segment or under a policy with egress rules.
        package var newFlowsPerSecond: UInt64?
        /// Frames to group addresses, Neighbor Discovery excepted.
        package var multicastPerSecond: UInt64?
        /// Neighbor Discovery messages.
        package var ndPerSecond: UInt64?

        package init(
            bandwidth: UInt64? = nil, packetsPerSecond: UInt64? = nil, newFlowsPerSecond: UInt64? = nil,
            multicastPerSecond: UInt64? = nil, ndPerSecond: UInt64? = nil
        ) {
            self.bandwidth = bandwidth
            self.packetsPerSecond = packetsPerSecond
            self.newFlowsPerSecond = newFlowsPerSecond
            self.multicastPerSecond = multicastPerSecond
            self.ndPerSecond = ndPerSecond
        }
    }

    package var inward: Inward
    package var outward: Outward

    package init(in inward: Inward = Inward(), out outward: Outward = Outward()) {
        self.inward = inward
        self.outward = outward
    }

    package static let none = AttachmentLimits()

    /// 64 kbit/s to 1 Tbit/s.
    package static let bandwidths: ClosedRange<UInt64> = 64_000...1_000_000_000_000
    package static let packets: ClosedRange<UInt64> = 10...100_000_000
    package static let newFlows: ClosedRange<UInt64> = 1...1_000_000
    package static let multicasts: ClosedRange<UInt64> = 1...1_000_000
    /// With less than ten a second a guest's own address configuration would fail.
    package static let neighbourDiscoveries: ClosedRange<UInt64> = 10...100_000
}

extension AttachmentLimits: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init()
        if let node = reader.node("in") {
            var direction = try DirectionReader(node, path: reader.path(of: "in"))
            inward.bandwidth = try direction.limit("bandwidth", Self.bandwidths)
            inward.packetsPerSecond = try direction.limit("packetsPerSecond", Self.packets)
            try direction.reader.finish()
        }
        if let node = reader.node("out") {
            var direction = try DirectionReader(node, path: reader.path(of: "out"))
            outward.bandwidth = try direction.limit("bandwidth", Self.bandwidths)
            outward.packetsPerSecond = try direction.limit("packetsPerSecond", Self.packets)
            outward.newFlowsPerSecond = try direction.limit("newFlowsPerSecond", Self.newFlows)
            outward.multicastPerSecond = try direction.limit("multicastPerSecond", Self.multicasts)
            outward.ndPerSecond = try direction.limit("ndPerSecond", Self.neighbourDiscoveries)
            try direction.reader.finish()
        }
        try reader.finish()
    }

    private struct DirectionReader {
        var reader: FieldReader

        init(_ node: JSONNode, path: String) throws(FieldError) { reader = try FieldReader(node, path: path) }

        mutating func limit(_ name: String, _ range: ClosedRange<UInt64>) throws(FieldError) -> UInt64? {
            guard let value = try reader.optional(name, as: UInt64.self) else { return nil }
            guard range.contains(value) else {
                throw FieldError(
                    field: reader.path(of: name), value: "\(value)",
                    rule: "must be from \(range.lowerBound) to \(range.upperBound)"
                        + (name == "bandwidth" ? " bits a second" : " a second"))
            }
            return value
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            if inward != Inward() {
                writer.name("in")
                writer.object { writer in
                    writer.member("bandwidth", inward.bandwidth)
                    writer.member("packetsPerSecond", inward.packetsPerSecond)
                }
            }
            guard outward != Outward() else { return }
            writer.name("out")
            writer.object { writer in
                writer.member("bandwidth", outward.bandwidth)
                writer.member("packetsPerSecond", outward.packetsPerSecond)
                writer.member("newFlowsPerSecond", outward.newFlowsPerSecond)
                writer.member("multicastPerSecond", outward.multicastPerSecond)
                writer.member("ndPerSecond", outward.ndPerSecond)
            }
        }
    }
}
