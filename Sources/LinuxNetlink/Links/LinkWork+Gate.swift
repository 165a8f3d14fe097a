import Addressing
import Glibc
import NodePorts

/// The gate of a port: nothing leaves by it that the guard has not let through, also when there is no guard.
extension LinkWork {
    /// Closes the port before it can be one of a bridge. Does no harm to one that has its gate.
    func closeGate(of name: InterfaceName) throws(KernelError) {
        guard let index = context.index(of: name) else { throw KernelError(errno: ENODEV) }
        request.addGateQueue(index: index)
        do throws(KernelError) { try netlink.acknowledge() } catch  where error.errno == EEXIST {
            // The queue is there, ours or an operator's: both take the program.
        } catch {
            throw explain(error)
        }
        request.addGate(index: index)
        do throws(KernelError) { try netlink.acknowledge() } catch { throw explain(error) }
    }

    private func explain(_ error: KernelError) -> KernelError {
        guard error.errno == ENOENT || error.errno == EOPNOTSUPP else { return error }
        return KernelError(
            errno: error.errno, message: "the kernel lacks clsact or cls_bpf (modules sch_ingress, cls_bpf)")
    }

    /// Frames that gates have dropped, by port; ports without any are not there.
    func closedFrames() throws(NodeError) -> [InterfaceName: UInt64] {
        request.getGateQueues()
        do throws(KernelError) {
            return try netlink.dump([:]) { frames, message in
                guard let answer = GateAnswer(message), answer.dropped > 0,
                    let name = context.name(of: answer.index)
                else { return }
                frames[name] = UInt64(answer.dropped)
            }
        } catch {
            throw error.error("observe", "gates of ports")
        }
    }
}
