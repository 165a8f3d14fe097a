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
    let changes: NetfilterSocket
    let worker: NFTWorker
    let changed: @Sendable () -> Void
    /// nil where no program is before the guard.
    var marked: MarkedPorts?
    /// Whether the transaction that is being heard touches our tables, and is another's.
    var isOursTouched = false
    /// The ruleset's, as it was last heard of.
    var generation: UInt32

    /// How often a reading or a seal is tried anew when the ruleset changes under it. On a machine where others use
    /// nft (fail2ban, Docker) it does, but each try takes well under a millisecond.
    private static let attempts = 20

    /// - Parameters:
    ///   - marks: of a program before the guard.
    ///   - changed: someone else changed our tables.
    init(
        worker: NFTWorker, marks: (any FrameMarks)? = nil, changed: @escaping @Sendable () -> Void
    ) throws(NodeError) {
        marked = marks.map { MarkedPorts($0) }
        self.worker = worker
        self.changed = changed
        socket = try NetfilterSocket()
        changes = try NetfilterSocket(group: NFNLGRP_NFTABLES)
        generation = try socket.generation()
    }

    // MARK: Verbs

    func observe() throws(NodeError) -> ObservedFilter {
        let observed = try stable { () throws(NodeError) -> ObservedFilter in
            let structure = try socket.structure()
            // A structure is going to be made: its reader starts while that is being planned.
            if !structure.isWhole { worker.prepare() }
            var content = FilterContent()
            for set in GuardSet.allCases {
                // Elements of nobody's are nothing of ours, and their absence from the answer leaves them alone.
                _ = try socket.elements(of: set) { content.add(CollectionOfOne(GuardElement(set, $0))) }
            }
            return ObservedFilter(digest: structure.isWhole ? structure.digest : nil, content: content)
        }
        if observed.digest == nil { try marked?.clear() } else { marked?.adopt(observed.content.elements) }
        return observed
    }

    /// Several transactions: see ``ChangePhases``. One that is refused leaves those before it done.
    func apply(_ operations: [FilterOperation]) throws(NodeError) {
        var phases = ChangePhases()
        for operation in operations {
            switch operation {
            case .close(_, let removed): phases.close(removed)
            case .change(_, let removed, let added): phases.change(removed: removed, added: added)
            case .install(let ruleset, let content):
                try apply(phases)
                phases = ChangePhases()
                try install(ruleset, content)
            case .uninstall:
                try apply(phases)
                phases = ChangePhases()
                try marked?.clear()
                _ = try worker.submit(KCRuleset.removal, .run)
            }
        }
        try apply(phases)
    }

    private func apply(_ phases: ChangePhases) throws(NodeError) {
        let transactions = phases.transactions
        if transactions.isEmpty { return }
        try marked?.prepare(for: transactions.flatMap(\.self))
        try unheard { () throws(NodeError) in
            for changes in transactions { try socket.apply(changes) }
        }
        marked?.conclude()
    }

    private func install(_ ruleset: Ruleset, _ content: FilterContent) throws(NodeError) {
        let kept = try kept()
        let old = try stable { () throws(NodeError) -> Structure in try socket.structure() }
        try marked?.clear()
        try replace(old, with: ruleset.text(with: KCRuleset.elements(content.elements)) + kept)
        for _ in 0..<Self.attempts {
            do throws(NodeError) {
                let generation = try socket.generation()
                let structure = try socket.structure()
                try socket.seal(structure, generation: generation)
                marked?.adopt(content.elements)
                return
            } catch {
                // Someone changed something meanwhile.
                guard error.code == .errno(ERESTART) || error.code == .errno(EINTR) else { throw error }
            }
        }
        throw NodeError(.errno(EAGAIN), operation: "seal", subject: "tables kc", message: "the ruleset never rests")
    }

    private func replace(_ old: Structure, with text: String) throws(NodeError) {
        let unhooking = old.unhooking
        do throws(NodeError) {
            _ = try worker.submit(unhooking + text, .run)
        } catch {
            // A table asleep has no hooks to be taken off, and somebody may have changed the tables just now.
            guard error.code == .program, !unhooking.isEmpty else { throw error }
            _ = try worker.submit(text, .run)
        }
    }

    /// What packets have put into the sets of the table that is to be replaced, as text: flows go on, counts are kept.
    private func kept() throws(NodeError) -> String {
        var text = ""
        var left = Self.keptElements
        for set in KCRuleset.Sets.filledByPackets {
            var elements: [String] = []
            _ = try socket.dump(set, in: .bridge) { dumped in
                guard left > 0, let element = set.text(of: dumped) else { return }
                left -= 1
                elements.append(element)
            }
            if elements.isEmpty { continue }
            text += "add element bridge kc \(set.name) {\n" + elements.joined(separator: ",\n") + "\n}\n"
        }
        return text
    }

    /// As many elements of packets are taken over to a new structure: about 100 bytes each for kc-nft.
    private static let keptElements = 200_000

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
        hearAll()
    }
}

extension NamedSet {
    /// An element that packets made, with its times and counts; nil when its key is not one of this set.
    fileprivate func text(of dumped: DumpedElement) -> String? {
        guard var text = text(of: dumped.element) else { return nil }
        if let timeout = dumped.timeout ?? seconds.map({ UInt64($0) * 1000 }), let expiration = dumped.expiration {
            text += " timeout \(timeout)ms expires \(min(timeout, max(1, expiration)))ms"
        }
        if let counted = dumped.counted { text += " counter packets \(counted.packets) bytes \(counted.bytes)" }
        return text
    }

    private var seconds: UInt32? {
        if case .byPackets(let seconds, _, _) = filling { seconds } else { nil }
    }
}
