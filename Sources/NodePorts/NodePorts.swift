package import Addressing
package import DaemonConfigs
package import NetworkModel
package import NetworkPlanning

/// Devices, addresses and routes of network namespaces.
///
/// Each call enters the namespace on a thread of the adapter's own; callers may call from any task.
package protocol LinkTable: Sendable {
    /// Everything in the namespace (nil: the one the agent runs in), from complete dumps: an interrupted dump is
    /// repeated by the adapter.
    func observe(in namespace: NamespaceName?) async throws(NodeError) -> ObservedLinks

    /// The devices of these names that exist, with their floods, addresses and routes, and what is of the namespace as a
    /// whole: the cost does not grow with the number of other devices. For planning around one change.
    func observe(links: Set<InterfaceName>, in namespace: NamespaceName?) async throws(NodeError) -> ObservedLinks

    /// Does the operations in order, going on after a failure; one outcome for each, in order. Already so = success.
    func apply(_ operations: [LinkOperation], in namespace: NamespaceName?) async -> [OperationOutcome]

    /// How many frames to each port the kernel has dropped since the port was made because no guard had let them through:
    /// while the ruleset was gone. Ports without any are not there.
    func closedFrames() async throws(NodeError) -> [InterfaceName: UInt64]

    /// Something changed (link, address, FDB), or events were lost and all must be looked at: a hint to look again.
    /// Of the agent's own namespace. The first is `everything`, when the kernel has begun to tell. Ends when it cannot
    /// be had, or the namespace's name does not exist.
    func events() -> AsyncStream<LinkEvent>

    /// The same of a named namespace (nil: the agent's own). It keeps the namespace alive as long as it is read.
    func events(in namespace: NamespaceName?) -> AsyncStream<LinkEvent>
}

package enum LinkEvent: Hashable, Sendable {
    case link(InterfaceName)
    /// The kernel dropped events (ENOBUFS), or the adapter cannot say what changed: look at everything.
    case everything
}

/// Our two nftables tables.
package protocol PacketFilter: Sendable {
    func observe() async throws(NodeError) -> ObservedFilter
    /// Does the operations in order. Of consecutive changes of elements each packet sees all or nothing, except that boxes
    /// which are only new may be there before the rest and those which are only old go after it. When it throws, boxes may
    /// have changed so; nothing else has since the last installation. An installation keeps what packets have put into sets (flows, counts of drops).
    func apply(_ operations: [FilterOperation]) async throws(NodeError)
    /// Devices of these names may have been made: what is kept by a device's index is looked at again, some time before the
    /// next operations.
    func meet(_ ports: Set<InterfaceName>)
    /// Someone changed the ruleset (NFNLGRP_NFTABLES): a hint to look again.
    func events() -> AsyncStream<Void>
}

/// Named network namespaces, as `ip netns` makes them (/run/netns).
package protocol Namespaces: Sendable {
    func list() async throws(NodeError) -> Set<NamespaceName>
    /// Success when it exists.
    func create(_ name: NamespaceName) async throws(NodeError)
    /// Success when it does not exist.
    func delete(_ name: NamespaceName) async throws(NodeError)
    /// net.ipv6.conf.all.forwarding inside.
    func setForwarding(_ on: Bool, in name: NamespaceName) async throws(NodeError)
}

/// Keeps standard daemons running.
package protocol DaemonSupervisor: Sendable {
    func observe() async -> [String: ObservedDaemon]
    /// Starts it, or gives a running one its new configuration without interrupting its service. Checks the
    /// configuration with the daemon's own checker first.
    func ensure(_ spec: DaemonSpec) async throws(NodeError)
    func stop(instance: String, withdraw: Bool) async throws(NodeError)
    /// What a DHCP server has given out; empty for a daemon of another kind, or one that nobody runs. Whom it is kept for
    /// is not known here.
    func leases(instance: String) async throws(NodeError) -> [Lease]
    /// A daemon ended, was restarted, or failed its health check.
    func events() -> AsyncStream<Void>
}

/// The filters inside gateways' namespaces.
package protocol GatewayFirewall: Sendable {
    func observe(in namespace: NamespaceName) async throws(NodeError) -> ObservedFirewall
    /// One transaction.
    func apply(_ operation: FirewallOperation, in namespace: NamespaceName) async throws(NodeError)
    /// How many packets were dropped, by reason, since the structure was installed; empty when there is none.
    func drops(in namespace: NamespaceName) async throws(NodeError) -> [String: UInt64]
}

/// Tells other routers that the prefixes of segments are reached by this host: by routes of the host itself, or by a
/// routing protocol. A route that is exported leads to the segment by `Route.Target.via`.
package protocol RouteExport: Sendable {
    /// What is exported now; with the target `unreachable` where nothing leads to the prefix any more.
    func exported() async throws(NodeError) -> Set<Route>
    /// Success when it is so already. Nothing of anybody else is changed.
    func export(_ route: Route) async throws(NodeError)
    /// Success when it is not exported.
    func withdraw(_ route: Route) async throws(NodeError)
}

package typealias OperationOutcome = Result<Void, NodeError>

/// A failure at the kernel's or a daemon's edge.
package struct NodeError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// A system call or netlink request failed with this errno.
        case errno(Int32)
        /// The named namespace does not exist.
        case noSuchNamespace
        /// A program could not be started, or ended with an error.
        case program
        /// The kernel or a daemon answered what its protocol does not allow.
        case protocolViolation
    }

    package let code: Code
    /// What was tried: "create vxlan".
    package let operation: String
    /// On what: "kcx00012c".
    package let subject: String
    /// The kernel's own words (extended ack) or the program's last lines; may be empty.
    package let message: String

    package init(_ code: Code, operation: String, subject: String, message: String = "") {
        self.code = code
        self.operation = operation
        self.subject = subject
        self.message = message
    }

    package var description: String { "\(operation) \(subject): \(code)" + (message.isEmpty ? "" : ": \(message)") }
}
