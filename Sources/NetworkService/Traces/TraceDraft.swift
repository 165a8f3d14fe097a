package import Addressing
package import NetworkModel
package import Resources

/// A question about the way of a frame, as somebody asks it.
package struct TraceDraft: Hashable, Sendable {
    /// An attachment by name, id or address; any other address is outside, and so is `outside` itself.
    package var from: String
    package var to: String
    package var flow: TraceFlow
    /// nil: ``TraceFlow/standardFromPort``.
    package var fromPort: UInt16?
    /// Another source address than the attachment's own: what a guest might send.
    package var source: IPv6Address?
    /// An earlier state of the store; nil: the newest.
    package var at: Revision?

    package init(
        from: String, to: String, flow: TraceFlow, fromPort: UInt16? = nil, source: IPv6Address? = nil,
        at: Revision? = nil
    ) {
        self.from = from
        self.to = to
        self.flow = flow
        self.fromPort = fromPort
        self.source = source
        self.at = at
    }
}
