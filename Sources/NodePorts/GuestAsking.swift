package import Addressing

/// Asks guests of this host at their ports, as their neighbours would.
package protocol GuestAsking: Sendable {
    /// Sends the frames out of the port, some times, and collects what the guest answers.
    /// - Returns: neighbour advertisements and echo replies that the guest sent meanwhile, whole.
    /// - Throws: when the port is not there or has no carrier.
    func ask(_ frames: [[UInt8]], at port: InterfaceName) async throws(NodeError) -> [[UInt8]]

    /// Listens for what routers send to the guest.
    /// - Parameters:
    ///   - least: for so long is listened in any case: a second router may answer, too.
    ///   - most: for so long when nothing comes.
    /// - Returns: router advertisements that left by the port, whole; at most 64.
    /// - Throws: when the port is not there.
    func advertisements(
        at port: InterfaceName, least: Duration, most: Duration
    ) async throws(NodeError) -> [[UInt8]]
}
