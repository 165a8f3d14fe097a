package import Addressing

/// Frames that rules of the packet filter log (nfnetlink_log): whole, as they were on the wire, up to a length.
///
/// A copy for somebody who looks; a slow reader loses frames and never holds up the path of packets.
package protocol PacketLog: Sendable {
    /// Begins to hear a group, which has one reader at a time: nobody logs into one that has none. Ends with the
    /// stream's last use.
    ///
    /// - Parameter snapLength: at most so many bytes behind the link-layer header are copied; a rule can ask for fewer.
    /// - Returns: the frames from now on, in order. At most `PacketLogLimits.waiting` wait for the reader. The stream
    ///   ends by itself only when the kernel's socket fails or the log itself is gone.
    /// - Throws: errno EPERM (the kernel's choice) when another reader has the group.
    func frames(of group: LogGroup, snapLength: Int) async throws(NodeError) -> AsyncStream<LoggedFrame>
}

/// What a slow reader can cost.
package enum PacketLogLimits {
    /// Frames that wait for one reader; later ones are lost and counted.
    package static let waiting = 1024
    /// Bytes that wait in the kernel for the adapter (SO_RCVBUFFORCE, which doubles it).
    package static let kernelBytes = 1 << 20
}

/// The number by which a rule's `log group` and a reader find each other.
package struct LogGroup: Hashable, Sendable, CustomStringConvertible {
    package let number: UInt16

    package init(_ number: UInt16) { self.number = number }

    /// Frames that were dropped; the prefix is the reason.
    package static let drops = LogGroup(27)
    /// Addresses that guests claim: duplicate address detection, and first frames from an unknown source.
    package static let claims = LogGroup(28)

    package var description: String { "log group \(number)" }
}

/// One frame that a rule logged.
package struct LoggedFrame: Hashable, Sendable {
    /// The rule's words.
    package var prefix: String
    /// The bridge port it came in by; nil when the rule stands where frames leave.
    package var source: InterfaceName?
    /// The bridge port it was to leave by; nil when the rule stands where frames enter.
    package var destination: InterfaceName?
    /// From the destination MAC address on, with its VLAN tag; cut at the snap length.
    package var bytes: [UInt8]
    /// How many frames of the group were lost between this one and the one before.
    package var lostBefore: Int

    package init(
        prefix: String, source: InterfaceName? = nil, destination: InterfaceName? = nil, bytes: [UInt8],
        lostBefore: Int = 0
    ) {
        self.prefix = prefix
        self.source = source
        self.destination = destination
        self.bytes = bytes
        self.lostBefore = lostBefore
    }

    /// The bridge port it is about.
    package var port: InterfaceName? { source ?? destination }
}
