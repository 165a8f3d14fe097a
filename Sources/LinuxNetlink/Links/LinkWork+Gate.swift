import Addressing
import Glibc
import NetworkPlanning
import NodePorts

/// The gate of a port: nothing leaves by it that the guard has not let through, also when there is no guard.
extension LinkWork {
    /// Closes the port before it can be one of a bridge. Does no harm to one that has its gate.
    func closeGate(of name: InterfaceName) throws(KernelError) {
        guard let index = context.index(of: name) else { throw KernelError(errno: ENODEV) }
        var isShared = try addQueue(to: index, isPort: true)
        if !isShared { isShared = try self.isShared(index) }
        if isShared {
            // The block goes with the last port, and its program with it: each port makes sure of it.
            request.addGate()
            do throws(KernelError) { try netlink.acknowledge() } catch  where error.errno == EEXIST {
                return
            } catch {
                throw explain(error)
            }
        } else {
            // An earlier version made the port, or an operator the queue: it takes the program for itself.
            request.addGate(index: index)
            do throws(KernelError) { try netlink.acknowledge() } catch { throw explain(error) }
        }
    }

    /// A place for filters at a device; false when it has one.
    func addQueue(to index: Int32, isPort: Bool) throws(KernelError) -> Bool {
        request.addQueue(index: index, isPort: isPort)
        do throws(KernelError) {
            try netlink.acknowledge()
            return true
        } catch  where error.errno == EEXIST {
            return false
        } catch {
            throw explain(error)
        }
    }

    /// Whether the device's queue is bound to the block of all ports; false when it has none.
    func isShared(_ index: Int32) throws(KernelError) -> Bool {
        request.getQueue(index: index)
        do throws(KernelError) { return try netlink.get(QueueAnswer.init)?.isShared ?? false } catch
            where error.errno == ENOENT
        {
            return false
        }
    }

    private func explain(_ error: KernelError) -> KernelError {
        guard error.errno == ENOENT || error.errno == EOPNOTSUPP else { return error }
        return KernelError(
            errno: error.errno, message: "the kernel lacks clsact or cls_bpf (modules sch_ingress, cls_bpf)")
    }

    /// Frames that gates have dropped, by port; ports without any are not there.
    func closedFrames() throws(NodeError) -> [InterfaceName: UInt64] {
        do throws(KernelError) {
            var frames: [InterfaceName: UInt64] = [:]
            for queue in try queues() where queue.dropped > 0 {
                if let name = context.name(of: queue.index) { frames[name] = UInt64(queue.dropped) }
            }
            return frames
        } catch {
            throw error.error("observe", "gates of ports")
        }
    }

    /// The devices with a gate. A queue of a port's own, as earlier versions made it, counts as closed: its filters are
    /// not looked at.
    func gates() throws(NodeError) -> Set<Int32> {
        do throws(KernelError) {
            request.getGateFilters()
            let isGated: Bool
            do throws(KernelError) {
                isGated = try netlink.dump(false) { isGated, message in
                    if GateAnswer(message) != nil { isGated = true }
                }
            } catch  where error.errno == EINVAL || error.errno == ENOENT {
                isGated = false  // There is no such block.
            }
            var closed: Set<Int32> = []
            for queue in try queues() where isGated || !queue.isShared { closed.insert(queue.index) }
            return closed
        } catch {
            throw error.error("observe", "gates of ports")
        }
    }

    private func queues() throws(KernelError) -> [QueueAnswer] {
        request.getQueues()
        return try netlink.dump([]) { queues, message in
            if let queue = QueueAnswer(message) { queues.append(queue) }
        }
    }
}
