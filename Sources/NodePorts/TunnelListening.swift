package import Addressing
package import NetworkModel

/// Hears the marked frames of a probe where the bridge hands them to the tunnel, and where the tunnel hands them to the
/// bridge: between a port and a port, that is what tells the two hosts apart.
package protocol TunnelListening: Sendable {
    /// Listens until it is told that the crossing is over, and no longer than `HeardEchoes.maximum`.
    /// - Parameter offset: of the mark (`ProbeMark`) in a frame, with the Ethernet header.
    /// - Throws: when there is no such device.
    func listen(
        for nonce: ProbeNonce, offset: Int, at tunnel: InterfaceName, until isOver: @escaping @Sendable () -> Bool
    ) async throws(NodeError) -> PassageFinding
}
