/// How a server serves.
package struct ServerSettings: Sendable {
    package var listeners: [Listener]
    package var connections = ConnectionLimits()
    /// Requests a second of each identity, with bursts of five seconds' worth; 0 for no limit.
    package var requestsPerSecond = 1000
    /// Requests a second that are refused for want of a credential, of each network, with bursts of five seconds' worth;
    /// beyond that such requests are not looked at. 0 for no limit.
    package var refusalsPerSecond = 100
    /// What may be held of requests' bodies and of answers.
    package var held = HeldMemory.Limits()
    /// How long a client may take to send a request's header, and then its body; and how long it may read nothing of what it
    /// is answered. Default 30 s.
    package var patience = Duration.seconds(30)
    /// Bytes of one field of a request's header, and half of what all of them may have. Default 16,384.
    package var maximumHeader = 16_384
    /// What other services serve.
    package var annexes: [any Annex] = []
    /// Called for each listener once it is open.
    package var opened: @Sendable () -> Void = {}

    package init(listeners: [Listener]) { self.listeners = listeners }
}
