package import Addressing

/// Asks guests of this host at their ports, as their neighbours would.
package protocol GuestAsking: Sendable {
    /// Sends the frames out of the port, some times, and collects what the guest answers.
    /// - Returns: neighbour advertisements and echo replies that the guest sent meanwhile, whole.
    /// - Throws: when the port is not there or has no carrier.
    func ask(_ frames: [[UInt8]], at port: InterfaceName) async throws(NodeError) -> [[UInt8]]
}
