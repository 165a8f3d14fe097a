package import Addressing
package import NetworkModel
package import NetworkPlanning

/// The translators between IPv6 and IPv4 in gateways' namespaces.
package protocol Translators: Sendable {
    /// What the namespace's translator does; nil when there is none, or a part of it is missing.
    func observe(in namespace: NamespaceName) async throws(NodeError) -> TranslatorSpec?
    /// Makes it so. What is right already is left alone, and with it what it knows of senders and has counted.
    func ensure(_ spec: TranslatorSpec, in namespace: NamespaceName) async throws(NodeError)
    /// Success when there is none.
    func remove(in namespace: NamespaceName) async throws(NodeError)
    /// nil when there is none.
    func statistics(in namespace: NamespaceName) async throws(NodeError) -> TranslatorStatistics?
}

/// What a translator is.
package enum TranslatorKind: String, Hashable, Sendable {
    /// A program in the kernel.
    case kernel
    /// The daemon, a packet at a time; it counts nothing.
    case tayga
}

/// What a translator has counted since it was made.
package struct TranslatorStatistics: Hashable, Sendable {
    package var translator: TranslatorKind
    package var counts: [TranslatorCounter: UInt64]
    package var traffic: [IPv4Address: MappingTraffic]

    package init(
        translator: TranslatorKind = .kernel, counts: [TranslatorCounter: UInt64] = [:],
        traffic: [IPv4Address: MappingTraffic] = [:]
    ) {
        self.translator = translator
        self.counts = counts
        self.traffic = traffic
    }
}
