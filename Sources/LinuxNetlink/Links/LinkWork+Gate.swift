import Addressing
import Glibc
import NetworkPlanning
import NodePorts

/// The gate of a port: nothing leaves by it that the guard has not let through, also when there is no guard.
extension LinkWork {
    /// Closes the port before it can be one of a bridge. Does no harm to one that has its gate.
    func closeGate(of name: InterfaceName) throws(KernelError) {
        guard let index = context.index(of: name) else { throw KernelError(errno: ENODEV) }
        if try context.gates.attach(to: index) { return }
        try closeByQueue(index)
    }

    /// The gate of kernels before 6.6.
    func closeByQueue(_ index: Int32) throws(KernelError) {
        _ = try addQueue(to: index)
        request.addGate(index: index)
        do throws(KernelError) { try netlink.acknowledge() } catch { throw explain(error) }
    }

    /// A place for filters at a device; false when it is there already, ours or an operator's: all filters share it.
    func addQueue(to index: Int32) throws(KernelError) -> Bool {
        request.addGateQueue(index: index)
        do throws(KernelError) {
            try netlink.acknowledge()
            return true
        } catch  where error.errno == EEXIST {
            return false
        } catch {
            throw explain(error)
        }
    }

    /// Takes the place for filters away again, unless somebody has one there.
    func removeQueueIfEmpty(_ index: Int32) {
        do throws(KernelError) {
            for minor in [RequestBuffer.ingress, RequestBuffer.egress] {
                request.getFilters(index: index, minor: minor)
                if try netlink.dump(0, { count, _ in count += 1 }) > 0 { return }
            }
            request.deleteGateQueue(index: index)
            try netlink.acknowledge()
        } catch {
            // The device is gone, or the place stays: it is empty and stops nothing.
        }
    }

    private func explain(_ error: KernelError) -> KernelError {
        guard error.errno == ENOENT || error.errno == EOPNOTSUPP else { return error }
        return KernelError(
            errno: error.errno, message: "the kernel lacks clsact or cls_bpf (modules sch_ingress, cls_bpf)")
    }

    /// Frames that gates have dropped, by port; ports without any are not there.
    func closedFrames() throws(NodeError) -> [InterfaceName: UInt64] {
        var frames: [InterfaceName: UInt64] = [:]
        do throws(KernelError) {
            try adoptGates()
            for (index, count) in context.gates.dropped(exists: { context.name(of: $0) != nil }) {
                if let name = context.name(of: index) { frames[name, default: 0] += count }
            }
            request.getGateQueues()
            return try netlink.dump(frames) { frames, message in
                guard let answer = GateAnswer(message), answer.dropped > 0,
                    let name = context.name(of: answer.index)
                else { return }
                frames[name, default: 0] += UInt64(answer.dropped)
            }
        } catch {
            throw error.error("observe", "gates of ports")
        }
    }

    /// Ports that somebody took the gate from.
    ///
    /// One that has a queue counts as closed by it: kernels before 6.6, and ports that were made there by an earlier
    /// version. Its filters are not looked at.
    func ungated(among ports: [ObservedLink]) throws(KernelError) -> [ObservedLink] {
        let ungated = ports.filter { !context.gates.isGated($0.index) }
        if ungated.isEmpty { return [] }
        request.getGateQueues()
        let queues = try netlink.dump(Set<Int32>()) { queues, message in
            if let answer = GateAnswer(message) { queues.insert(answer.index) }
        }
        return ungated.filter { !queues.contains($0.index) }
    }

    /// Once: from then on all programs are this life's, or were met when their port was looked at.
    private func adoptGates() throws(KernelError) {
        if context.hasAdoptedGates { return }
        request.getLink(nil)
        let ports = try netlink.dump([Int32]()) { ports, message in
            guard let link = LinkAnswer(message), interfaceName(link.name)?.isPort == true else { return }
            ports.append(link.index)
        }
        context.gates.adopt(ports)
        context.hasAdoptedGates = true
    }
}
