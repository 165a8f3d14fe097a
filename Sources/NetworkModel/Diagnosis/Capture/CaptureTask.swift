package import Addressing
package import Resources

/// Where on a host frames of an attachment are copied.
package enum CapturePoint: String, Choice {
    /// The attachment's own port: what its guest sends, before any rule, and what reaches it.
    case port
    /// The other ports of its segment on the host: what the bridge hands on to them, and what they send to it. (A bridge
    /// device itself sees nothing of what it forwards.)
    case bridge
    /// The segment's VXLAN device: what goes into the tunnel and comes out of it.
    case vxlan
    /// The host's underlay interface: the same in its outer packets.
    case underlay

    /// The only one that shows nothing but what the guest itself sees: a tenant's.
    package static let ofTenants: [CapturePoint] = [.port]
}

/// What an agent shall capture. Everything is decided before it reaches the kernel's filter: a frame that is not meant is
/// never copied.
package struct CaptureTask: Hashable, Sendable {
    package var attachment: ResourceID
    /// Not empty, each once, in the order of `CapturePoint`.
    package var points: [CapturePoint]
    /// nil: every packet, and also what is no IP.
    package var flow: CaptureFlow?
    /// Only packets from or to it; an IPv4 address in its mapped form.
    package var peer: IPv6Address?
    /// Bytes of each frame that are copied, from the (outer) Ethernet header on.
    package var snapLength: Int
    /// Frames a second over all points; more are counted and dropped.
    package var pace: Int
    /// Bytes of frames after which the capture ends.
    package var bytes: Int
    /// Who asked, for the host's log.
    package var by: String

    package init(
        attachment: ResourceID, points: [CapturePoint], flow: CaptureFlow? = nil, peer: IPv6Address? = nil,
        snapLength: Int = standardSnapLength, pace: Int = standardPace, bytes: Int = standardBytes, by: String
    ) {
        self.attachment = attachment
        self.points = points
        self.flow = flow
        self.peer = peer
        self.snapLength = snapLength
        self.pace = pace
        self.bytes = bytes
        self.by = by
    }

    /// Enough for all headers, also inside of VXLAN.
    package static let standardSnapLength = 256
    /// Up to a jumbo frame of 9000 bytes with its outer headers.
    package static let snapLengths = 64...9216
    package static let standardPace = 500
    package static let paces = 1...2000
    package static let standardBytes = 4 << 20
    package static let byteLimits = 1024...(16 << 20)
    package static let standardSeconds = 30
    package static let maximumByBytes = 256
}

extension CaptureTask: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            attachment: try reader.required("attachment"), points: try reader.required("points"),
            flow: try reader.optional("flow"), peer: try reader.optional("peer"),
            snapLength: try reader.required("snapLength"), pace: try reader.required("pace"),
            bytes: try reader.required("bytes"), by: try reader.required("by"))
        try requireBounded(path)
        try reader.finish()
    }

    /// - Throws: when a limit is beyond its range, or a point stands twice.
    package func requireBounded(_ path: String) throws(FieldError) {
        func field(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
        guard !points.isEmpty, Set(points).count == points.count else {
            throw FieldError(field: field("points"), rule: "must be one or more of \(CapturePoint.names), each once")
        }
        for (name, value, range) in [
            ("snapLength", snapLength, Self.snapLengths), ("pace", pace, Self.paces),
            ("bytes", bytes, Self.byteLimits),
        ] where !range.contains(value) {
            throw FieldError(
                field: field(name), value: "\(value)", rule: "must be from \(range.lowerBound) to \(range.upperBound)")
        }
        guard by.utf8.count <= Self.maximumByBytes else {
            throw FieldError(field: field("by"), rule: "must be at most \(Self.maximumByBytes) bytes")
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("attachment", attachment)
            writer.member("points", points)
            writer.member("flow", flow)
            writer.member("peer", peer)
            writer.member("snapLength", snapLength)
            writer.member("pace", pace)
            writer.member("bytes", bytes)
            writer.member("by", by)
        }
    }
}

extension CapturePoint {
    /// For texts: "port, bridge, vxlan, underlay".
    package static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
