import Addressing
import Glibc
import NetworkPlanning
import NodePorts

/// Making many devices at once: first all devices with queues for their gates, then the programs, then bridge and up.
///
/// The kernel waits for a grace period of RCU, with the lock of all devices held, when a queue is bound to a block that has
/// its program already (`mini_qdisc_pair_swap`, net/sched/sch_generic.c): three times for each network made alone, longer
/// than all else that its gates cost. A program that is put into a block waits once for all the queues that are bound to
/// it. No device is in its bridge, or up, before it has its gates.
extension LinkWork {
    /// Does operations that need no other namespace, in order.
    func perform(_ operations: [LinkOperation]) -> [OperationOutcome] {
        var outcomes: [OperationOutcome] = []
        outcomes.reserveCapacity(operations.count)
        while outcomes.count < operations.count {
            let left = operations[outcomes.count...].prefix(Self.mostTogether)
            let new = left.prefix { $0.isCreation }.compactMap(\.new)
            if new.count(where: \.isClosed) >= Self.fewestTogether {
                outcomes += create(new)
            } else {
                outcomes += left.prefix(max(1, new.count)).map { operation in
                    OperationOutcome { () throws(NodeError) in try perform(operation) }
                }
            }
        }
        return outcomes
    }

    private func create(_ new: [NewLink]) -> [OperationOutcome] {
        var blocks: [GateKind: GateBlocks] = [:]
        for kind in Set(new.compactMap(\.gates)) { blocks[kind] = blocksWithoutPrograms(for: kind) }
        let born = new.map { link in
            Result { () throws(NodeError) in try bear(link, in: link.gates.flatMap { blocks[$0] }) }
        }
        var failures: [GateKind: KernelError] = [:]
        for (kind, blocks) in blocks {
            do throws(KernelError) { try fill(blocks) } catch { failures[kind] = error }
        }
        return zip(new, born).map { link, born in
            OperationOutcome { () throws(NodeError) in
                try complete(link, try born.get(), without: link.gates.flatMap { failures[$0] })
            }
        }
    }

    /// A device on its way.
    private enum Newborn {
        /// Down and in no bridge.
        case device(isClosed: Bool)
        case tap(HeldTap, isClosed: Bool)
        /// One of that name was there before.
        case known
    }

    /// Goes with the last who knows of it.
    private final class HeldTap {
        let device: TapDevice
        init(_ name: InterfaceName) throws(NodeError) { device = try TapDevice(name) }
    }

    private func bear(_ new: NewLink, in blocks: GateBlocks?) throws(NodeError) -> Newborn {
        let isClosed = new.isClosed && blocks != nil
        if new.kind == .tap {
            try check(alias: new.settings.alias, "create tap", new.name)
            guard context.index(of: new.name) == nil else { return .known }
            let tap = try HeldTap(new.name)
            if isClosed { try bind(new, to: blocks) }
            return .tap(tap, isClosed: isClosed)
        }
        guard try make(new, peerNamespace: nil) else { return .known }
        do throws(NodeError) { if isClosed { try bind(new, to: blocks) } } catch { throw undo(new.name, error) }
        return .device(isClosed: isClosed)
    }

    private func bind(_ new: NewLink, to blocks: GateBlocks?) throws(NodeError) {
        do throws(KernelError) {
            guard let index = context.index(of: new.name) else { throw KernelError(errno: ENODEV) }
            _ = try addQueue(to: index, in: blocks)
        } catch {
            throw error.error("set up \(new.kind.word)", new.name.text)
        }
    }

    /// - Parameter failure: why its gates have no programs.
    private func complete(_ new: NewLink, _ born: Newborn, without failure: KernelError?) throws(NodeError) {
        let failure = failure?.error("set up \(new.kind.word)", new.name.text)
        switch born {
        case .device(let isClosed):
            if isClosed, let failure { throw undo(new.name, failure) }
            try finishOrUndo(new.name, new.settings, kind: new.kind, isClosed: isClosed)
        case .tap(let tap, let isClosed):
            if isClosed, let failure { throw failure }
            try finish(new.name, new.settings, kind: .tap, isClosed: isClosed)
            try tap.device.persist()
        case .known: try adopt(new)
        }
    }

    /// nil when those that were looked at have programs, or cannot be looked at: then each device is closed by itself.
    private func blocksWithoutPrograms(for kind: GateKind) -> GateBlocks? {
        for _ in 0..<Self.tries {
            let blocks = GateBlocks(kind, number: context.nextBlocks)
            do throws(KernelError) {
                var isEmpty = true
                for gate in blocks.gates where isEmpty { isEmpty = try !isThere(gate) }
                if isEmpty { return blocks }
            } catch {
                return nil
            }
            context.nextBlocks = context.nextBlocks + 1 < GateBlocks.numbers.upperBound ? context.nextBlocks + 1 : 0
        }
        return nil
    }

    /// Each tap is an open file until it is complete.
    private static let mostTogether = 128
    /// Below this the waiting that is saved is less than what is asked for more.
    private static let fewestTogether = 8
    /// A host of 50,000 ports has less than this many blocks.
    private static let tries = 1024
}

extension LinkOperation {
    /// Of a device that needs no other namespace.
    fileprivate var isCreation: Bool { new.map { $0.kind != .veth } ?? false }

    fileprivate var new: NewLink? { if case .create(let new) = self { new } else { nil } }
}

extension NewLink {
    /// The gates that it gets; nil when it gets none.
    fileprivate var gates: GateKind? { settings.master == nil ? nil : GateKind(name) }

    fileprivate var isClosed: Bool { gates != nil }
}
