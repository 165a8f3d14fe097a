package import Addressing

/// What packets leave behind in the packet filter.
package protocol FilterRecords: Sendable {
    /// How many frames were dropped since the ruleset was installed; ports and reasons without any are not there.
    func droppedFrames() async throws(NodeError) -> DropCounts
    /// Own addresses from which ports sent neighbour discovery in the last minutes.
    func seenSources() async throws(NodeError) -> [InterfaceName: Set<IPv6Address>]
}

/// Dropped frames by port (`kct…`) and by the reason's name (`DropReason`).
package typealias DropCounts = [InterfaceName: [String: UInt64]]
