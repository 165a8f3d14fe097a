package import Addressing
package import NetworkModel

/// Hears the echoes of a probe inside of a gateway's namespace.
package protocol GatewayListening: Sendable {
    /// Listens until the first device has sent so many answers on, and no longer than `maximum`.
    /// - Returns: what was heard at each of the devices, in their order; of one that is not there, nothing.
    /// - Throws: when the namespace is not there.
    func listen(
        for nonce: ProbeNonce, at devices: [InterfaceName], in namespace: NamespaceName
    ) async throws(NodeError) -> [HeardEchoes]
}

/// The echoes of a probe at one device, each counted once.
package struct HeardEchoes: Hashable, Sendable {
    package var requestsIn: Int
    package var requestsOut: Int
    package var answersIn: Int
    package var answersOut: Int

    package init(requestsIn: Int = 0, requestsOut: Int = 0, answersIn: Int = 0, answersOut: Int = 0) {
        self.requestsIn = requestsIn
        self.requestsOut = requestsOut
        self.answersIn = answersIn
        self.answersOut = answersOut
    }

    /// Where the mark begins in a frame with an echo: behind the headers of Ethernet, IPv6 and ICMPv6.
    package static let offset = 14 + 40 + 8
    /// With so many answers handed on nothing more can be learned.
    package static let enough = CrossingOrder.rounds - 2
    /// As long as the end that sends may go on.
    package static let maximum =
        CrossingOrder.lead + CrossingOrder.interval * CrossingOrder.maximumRounds + CrossingOrder.tail
}
