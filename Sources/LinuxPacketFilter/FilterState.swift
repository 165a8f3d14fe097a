import Addressing
import CMnl
import Glibc
import LinuxProcesses
import NFTables
import NetworkPlanning
import NodePorts

/// What the filter's thread owns: the socket for requests, the one that hears of changes, and kc-nft.
final class FilterState: ThreadState {
    let socket: NetfilterSocket
    private let changes: NetfilterSocket
    private let worker: NFTWorker
    private let changed: @Sendable () -> Void
    /// Whether the transaction that is being heard touches our tables, and is another's.
    private var isOursTouched = false

    /// How often a reading or a seal is tried anew when the ruleset changes under it. On a machine where others use
    /// nft (fail2ban, Docker) it does, but each try takes well under a millisecond.
    private static let attempts = 20

    /// - Parameter changed: someone else changed our tables.
    init(worker: NFTWorker, changed: @escaping @Sendable () -> Void) throws(NodeError) {
        self.worker = worker
        self.changed = changed
        socket = try NetfilterSocket()
        changes = try NetfilterSocket(group: NFNLGRP_NFTABLES)
    }

    // MARK: Verbs

    func observe() throws(NodeError) -> ObservedFilter {
        try stable { () throws(NodeError) -> ObservedFilter in
            let structure = try socket.structure()
            var observed = ObservedFilter(digest: structure.isWhole ? structure.digest : nil)
            for key in try socket.keys(of: KCRuleset.ready, in: .bridge) ?? [] {
                // Not a name that KC gives: nothing of ours, and its absence from the answer leaves it alone.
                guard let name = try? InterfaceName(String(decoding: key.prefix { $0 != 0 }, as: UTF8.self)) else {
                    continue
                }
                observed.ready.insert(name)
            }
            observed.vteps = Set((try socket.keys(of: KCRuleset.vteps, in: .inet) ?? []).compactMap(IPv6Address.init))
            return observed
        }
    }

    func apply(_ operations: [FilterOperation]) throws(NodeError) {
        var elements: [ElementChange] = []
        for operation in operations {
            switch operation {
            case .addReady(let port): elements.append(.ready(port, isAddition: true))
            case .removeReady(let port): elements.append(.ready(port, isAddition: false))
            case .addVTEP(let vtep): elements.append(.vtep(vtep, isAddition: true))
            case .removeVTEP(let vtep): elements.append(.vtep(vtep, isAddition: false))
            case .install(let ruleset, let ready, let vteps):
                try socket.apply(elements)
                elements = []
                try install(ruleset, ready: ready, vteps: vteps)
            case .uninstall:
                try socket.apply(elements)
                elements = []
                _ = try worker.submit(KCRuleset.removal, .run)
            }
        }
        try socket.apply(elements)
    }

    private func install(_ ruleset: Ruleset, ready: Set<InterfaceName>, vteps: Set<IPv6Address>) throws(NodeError) {
        _ = try worker.submit(ruleset.text(with: KCRuleset.elements(ready: ready, vteps: vteps)), .run)
        for _ in 0..<Self.attempts {
            do throws(NodeError) {
                let generation = try socket.generation()
                let structure = try socket.structure()
                try socket.seal(structure, generation: generation)
                return
            } catch {
                // Someone changed something meanwhile.
                guard error.code == .errno(ERESTART) || error.code == .errno(EINTR) else { throw error }
            }
        }
        throw NodeError(.errno(EAGAIN), operation: "seal", subject: "tables kc", message: "the ruleset never rests")
    }

    /// Runs a reading until no transaction fell into it.
    private func stable<Value>(_ reading: () throws(NodeError) -> Value) throws(NodeError) -> Value {
        for _ in 0..<Self.attempts {
            do throws(NodeError) {
                let before = try socket.generation()
                let value = try reading()
                if try socket.generation() == before { return value }
            } catch {
                guard error.code == .errno(EINTR) else { throw error }
            }
        }
        throw NodeError(.errno(EAGAIN), operation: "read", subject: "tables kc", message: "the ruleset never rests")
    }

    // MARK: ThreadState

    var watched: [Int32] { [changes.descriptor] + (worker.descriptor.map { [$0] } ?? []) }
    var deadline: ContinuousClock.Instant? { nil }
    func deadlineIsOver() {}

    func isReady(_ descriptor: Int32) {
        guard descriptor == changes.descriptor else { return worker.left() }
        while true {
            let messages: [NetlinkMessage]
            do throws(NodeError) {
                messages = try changes.receive()
            } catch {
                changed()  // dropped by the kernel (ENOBUFS): nobody knows what changed
                return
            }
            if messages.isEmpty { return }
            for message in messages { hear(message) }
        }
    }

    /// A transaction's messages end with its new generation.
    private func hear(_ message: NetlinkMessage) {
        guard let type = message.tableMessage else { return }
        if type == NFT_MSG_NEWGEN.rawValue {
            if isOursTouched { changed() }
            isOursTouched = false
            return
        }
        // Ours: by the port of our socket, or of kc-nft, whose first netlink socket is called by its process id.
        let port = message.header.nlmsg_pid
        guard port != socket.port, port != worker.pid.map({ UInt32(bitPattern: $0) }) else { return }
        let families = Table.Family.allCases.map(ElementChange.number)
        // The table's name is attribute 1 of tables, chains, rules, sets, elements and objects alike.
        if message.family.map(families.contains) == true,
            message.attributes.first(Int(NFTA_TABLE_NAME.rawValue))?.string == KCRuleset.table.text
        {
            isOursTouched = true
        }
    }
}

extension ElementChange {
    fileprivate static func ready(_ port: InterfaceName, isAddition: Bool) -> ElementChange {
        let set = KCRuleset.Sets.ready
        return ElementChange(
            table: .bridge, set: set, element: set.element(.interface(port)), isAddition: isAddition)
    }

    fileprivate static func vtep(_ address: IPv6Address, isAddition: Bool) -> ElementChange {
        let set = KCRuleset.vtepSet
        return ElementChange(
            table: .inet, set: set, element: set.element(.address(address)), isAddition: isAddition)
    }
}
