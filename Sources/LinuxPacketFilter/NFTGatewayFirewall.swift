import Addressing
import CMnl
import Glibc
import LinuxProcesses
import NFTables
package import NetworkModel
package import NetworkPlanning
package import NodePorts

/// The table inside each gateway's namespace: structure and known addresses through kc-nft, reading through nfnetlink.
///
/// Each call has a thread of its own that goes into the namespace, since a thread that stayed would keep the namespace of
/// a deleted gateway alive; changes of gateways are rare.
package final class NFTGatewayFirewall: GatewayFirewall {
    private let worker: String?

    /// - Parameter worker: absolute path of kc-nft; nil looks beside the running program.
    package init(worker: String? = nil) { self.worker = worker }

    package func observe(in namespace: NamespaceName) async throws(NodeError) -> ObservedFirewall {
        try await thread(namespace).run { state throws(NodeError) in
            let socket = try NetfilterSocket()
            guard let digest = try socket.digest(of: .inet) else { return ObservedFirewall() }
            let known = try socket.records(in: GatewayRuleset.known, of: .inet)
            return ObservedFirewall(digest: digest, known: Set(known.compactMap { IPv6Address(bytes: $0.key) }))
        }
    }

    package func apply(_ operation: FirewallOperation, in namespace: NamespaceName) async throws(NodeError) {
        try await thread(namespace).run { state throws(NodeError) in
            switch operation {
            case .install(let ruleset, let known):
                _ = try state.worker.submit(ruleset.text + GatewayRuleset.change(add: true, known.sorted()), .run)
            case .change(let removed, let added):
                // What is gone already must not refuse the rest.
                let socket = try NetfilterSocket()
                let present = try socket.records(in: GatewayRuleset.known, of: .inet)
                let there = Set(present.compactMap { IPv6Address(bytes: $0.key) })
                let text =
                    GatewayRuleset.change(add: false, removed.intersection(there).sorted())
                    + GatewayRuleset.change(add: true, added.sorted())
                if !text.isEmpty { _ = try state.worker.submit(text, .run) }
            }
        }
    }

    package func drops(in namespace: NamespaceName) async throws(NodeError) -> [String: UInt64] {
        try await thread(namespace).run { state throws(NodeError) in
            guard try NetfilterSocket().digest(of: .inet) != nil else { return [:] }
            return Self.counts(in: try state.worker.submit("list counters table inet \(GatewayRuleset.table)\n", .run))
        }
    }

    /// From nft's listing: `counter drop-<reason> {` and then `packets <number> bytes <number>`.
    static func counts(in listing: String) -> [String: UInt64] {
        var counts: [String: UInt64] = [:]
        var reason: String?
        for line in listing.split(separator: "\n") {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            if words.count >= 2, words[0] == "counter", words[1].hasPrefix("drop-") {
                reason = String(words[1].dropFirst("drop-".count))
            } else if words.count >= 2, words[0] == "packets", let name = reason, let number = UInt64(words[1]) {
                counts[name] = number
            }
        }
        return counts
    }

    private func thread(_ namespace: NamespaceName) -> NamespaceThread<GatewayState> {
        let worker = worker
        return NamespaceThread("kc-gateway", in: namespace) { () throws(NodeError) -> GatewayState in
            GatewayState(
                worker: NFTWorker(path: worker ?? besideProgram("kc-nft"), idleSeconds: 1))
        }
    }
}

/// What such a thread has: kc-nft, when it is needed.
final class GatewayState: ThreadState {
    let worker: NFTWorker

    init(worker: NFTWorker) { self.worker = worker }

    var watched: [Int32] { [] }
    func isReady(_ descriptor: Int32) {}
    var deadline: ContinuousClock.Instant? { nil }
    func deadlineIsOver() {}
}
