package import Addressing

/// What the packet filter counts of the frames it drops.
package protocol DropCounting: Sendable {
    /// How many were dropped since the ruleset was installed; ports and reasons without any are not there.
    func droppedFrames() async throws(NodeError) -> DropCounts
}

/// Dropped frames by port (`kct…`) and by the reason's name (`DropReason`).
package typealias DropCounts = [InterfaceName: [String: UInt64]]
