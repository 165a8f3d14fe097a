package import APIClient
package import NetworkModel
package import Resources

/// Where the agent learns what the host must realise.
package protocol DesiredSource: Sendable {
    /// Holds one connection and hands over its updates in order: the first resets, each later one changes what was
    /// said before. Returns when the server ends it in good order or the task is cancelled, throws when it breaks; the
    /// caller connects again.
    func follow(_ deliver: @escaping @Sendable (HostUpdate) -> Void) async throws(ControlPlaneError)
}

/// Where the agent says what it found.
package protocol ReportSink: Sendable {
    /// Hands over reports; safe to repeat.
    func send(_ reports: [ResourceReport]) async throws(ControlPlaneError)
    /// Says that the host lives; every 3 s, believed for 10 s.
    /// - Returns: the store's revision that the API knows; nil from one that does not say.
    func renewLease() async throws(ControlPlaneError) -> Revision?
}

/// Where the agent says which addresses guests gave themselves.
package protocol BindingSink: Sendable {
    /// Hands over all of one segment; what is not in the list is given back. At most once a second and segment.
    func publish(_ list: LearnedAddresses, of segment: ResourceID) async throws(ControlPlaneError) -> LearnedAnswer
}

/// Where the agent answers what somebody asks of this host.
package protocol ProbeSink: Sendable {
    /// Replaces what was answered before; at most once a second and probe.
    /// - Throws: `refused` when the probe has ended.
    func answer(_ probe: ResourceID, _ result: ProbeResult) async throws(ControlPlaneError)
    /// Hands over captured frames; safe to repeat. At most four a second and probe.
    /// - Parameter number: from 0 on, without gaps.
    /// - Throws: `refused` when the probe has ended.
    func deliver(_ chunk: CaptureChunk, number: Int, of probe: ResourceID) async throws(ControlPlaneError)
}

/// A request to the API that failed.
package struct ControlPlaneError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// No answer: try again.
        case unreachable
        /// The server answered that it cannot now (5xx, 429): try again.
        case unavailable
        /// The credential is not accepted (401, 403): a person must act.
        case unauthorized
        /// The request is refused as it is (other 4xx): repeating it is useless.
        case refused
        /// The answer is not what the API promises.
        case malformed
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
