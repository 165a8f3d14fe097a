import Addressing
import CMnl
import Glibc
import NetworkPlanning
import NodePorts

/// The gates of ports and tunnels: nothing passes them that the ruleset has not let through, also when there is none.
extension LinkWork {
    /// Closes a port or tunnel before it can be one of a bridge. Does no harm to one that has its gates, nor to other
    /// devices.
    /// - Parameter isLiving: frames may pass it already.
    func closeGate(of name: InterfaceName, isLiving: Bool = false) throws(KernelError) {
        guard let kind = GateKind(name) else { return }
        guard let index = context.index(of: name) else { throw KernelError(errno: ENODEV) }
        if isLiving, kind == .tunnel, try blocks(of: index, kind) == nil, try attachGates(of: kind, to: index) {
            return
        }
        var blocks = GateBlocks(kind)
        if try !addQueue(to: index, in: blocks) {
            if let known = try self.blocks(of: index, kind) {
                blocks = known
            } else {
                switch kind {
                case .port:
                    // An earlier version made the port, or an operator the queue: it takes the program for itself.
                    request.addPortGate(index: index)
                    do throws(KernelError) { return try netlink.acknowledge() } catch { throw explain(error) }
                case .tunnel:
                    // No version gave tunnels such a queue, and the device is KC's.
                    request.deleteQueue(index: index)
                    try netlink.acknowledge()
                    _ = try addQueue(to: index, in: blocks)
                }
            }
        }
        // A block goes with its last device, and its program with it: each device makes sure of it.
        try fill(blocks)
    }

    /// Puts the programs of gates in their blocks. Does no harm to those that are there.
    func fill(_ blocks: GateBlocks) throws(KernelError) {
        for gate in blocks.gates { try add(gate) }
        guard let block = blocks.marking, let program = context.guardProgram else { return }
        request.addMarking(program, block: block, replaces: false)
        do throws(KernelError) { try netlink.acknowledge() } catch  where error.errno == EEXIST {
            return
        } catch {
            throw explain(error)
        }
    }

    /// Has all ports run this agent's program before the guard, or none where it has none: another one's table says what
    /// nobody takes back any more.
    func settleMarking() throws(KernelError) {
        for block in Set(try queues().compactMap(\.blocks?.marking)) {
            if let program = context.guardProgram {
                request.addMarking(program, block: block, replaces: true)
                do throws(KernelError) {
                    try netlink.acknowledge()
                    continue
                } catch {}  // It has to go then.
            }
            request.deleteMarking(block: block)
            do throws(KernelError) { try netlink.acknowledge() } catch  where error.errno == ENOENT {
                continue
            } catch  where error.errno == EINVAL {
                continue  // The block has gone with its last device.
            }
        }
    }

    private func add(_ gate: Gate) throws(KernelError) {
        request.addGate(gate, descriptor: gate.program == .testAndClear ? try context.classifier(gate.program) : nil)
        do throws(KernelError) { try netlink.acknowledge() } catch  where error.errno == EEXIST {
            return
        } catch {
            throw explain(error)
        }
    }

    /// A place for filters at a device; false when it has one.
    /// - Parameter blocks: those it is bound to; nil: with blocks of its own.
    func addQueue(to index: Int32, in blocks: GateBlocks?) throws(KernelError) -> Bool {
        request.addQueue(index: index, in: blocks)
        do throws(KernelError) {
            try netlink.acknowledge()
            return true
        } catch  where error.errno == EEXIST {
            return false
        } catch {
            throw explain(error)
        }
    }

    /// The blocks of that kind that the device's queue is bound to; nil when it has others or none.
    func blocks(of index: Int32, _ kind: GateKind) throws(KernelError) -> GateBlocks? {
        request.getQueue(index: index)
        // EINVAL: it has had one.
        do throws(KernelError) {
            guard let blocks = try netlink.get(QueueAnswer.init)?.blocks, blocks.kind == kind else { return nil }
            return blocks
        } catch  where error.errno == ENOENT || error.errno == EINVAL {
            return nil
        }
    }

    private func explain(_ error: KernelError) -> KernelError {
        guard error.errno == ENOENT || error.errno == EOPNOTSUPP else { return error }
        return KernelError(
            errno: error.errno, message: "the kernel lacks clsact or cls_bpf (modules sch_ingress, cls_bpf)")
    }

    /// Frames that gates have dropped, by device; devices without any are not there.
    func closedFrames() throws(NodeError) -> [InterfaceName: UInt64] {
        do throws(KernelError) {
            var frames: [InterfaceName: UInt64] = [:]
            for queue in try queues() where queue.dropped > 0 {
                if let name = context.name(of: queue.index) { frames[name] = UInt64(queue.dropped) }
            }
            return frames
        } catch {
            throw error.error("observe", "gates")
        }
    }

    /// The devices with their gates. A queue of a port's own, as earlier versions made it, counts as closed: its
    /// filters are not looked at.
    func gates() throws(NodeError) -> Set<Int32> {
        do throws(KernelError) {
            var whole: [GateBlocks: Bool] = [:]
            var closed: Set<Int32> = []
            for queue in try queues() {
                if let blocks = queue.blocks {
                    if whole[blocks] == nil { whole[blocks] = try isWhole(blocks) }
                    if whole[blocks] == true { closed.insert(queue.index) }
                } else if context.name(of: queue.index)?.isTunnel != true {
                    closed.insert(queue.index)
                }
            }
            return closed
        } catch {
            throw error.error("observe", "gates")
        }
    }

    /// With the program before the guard, where this agent has one.
    private func isWhole(_ blocks: GateBlocks) throws(KernelError) -> Bool {
        for gate in blocks.gates where try !isThere(gate) { return false }
        guard let block = blocks.marking, context.guardProgram != nil else { return true }
        return try has(block) { RequestBuffer.isMarking($0) }
    }

    func isThere(_ gate: Gate) throws(KernelError) -> Bool {
        try has(gate.block) { GateAnswer($0)?.program == gate.program }
    }

    private func has(_ block: UInt32, _ isIt: (Message) -> Bool) throws(KernelError) -> Bool {
        request.getFilters(ofBlock: block)
        do throws(KernelError) {
            return try netlink.dump(false) { isThere, message in if isIt(message) { isThere = true } }
        } catch  where error.errno == EINVAL || error.errno == ENOENT {
            return false  // There is no such block.
        }
    }

    private func queues() throws(KernelError) -> [QueueAnswer] {
        request.getQueues()
        return try netlink.dump([]) { queues, message in
            if let queue = QueueAnswer(message) { queues.append(queue) }
        }
    }
}
