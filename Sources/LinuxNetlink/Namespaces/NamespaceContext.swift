import Addressing
import CMnl
import Glibc

/// What a job has at hand inside a namespace: the netlink connection and a socket for questions by ioctl.
///
/// Belongs to the one thread that made it.
final class NamespaceContext {
    let netlink: NetlinkConnection
    private let control: ControlSocket
    private var gate: Int32?

    /// Makes both sockets in the namespace of the calling thread.
    init() throws(KernelError) {
        netlink = try NetlinkConnection()
        control = try ControlSocket()
    }

    deinit {
        if let gate { close(gate) }
    }

    /// The program of the gate where frames leave by tunnels, loaded when it is first wanted (kept until the thread ends).
    var clearingGate: Int32 {
        get throws(KernelError) {
            if let gate { return gate }
            let descriptor = cmnl_load_classifier(Gate.clearingName, Gate.clearing, UInt32(Gate.clearing.count))
            guard descriptor >= 0 else {
                throw KernelError(
                    errno: EOPNOTSUPP,
                    message: "the kernel does not load the program of tunnels (errno \(errno); CONFIG_BPF_SYSCALL)")
            }
            gate = descriptor
            return descriptor
        }
    }

    func index(of name: InterfaceName) -> Int32? { control.index(of: name) }

    func leaveChecksumsToKernel(_ name: InterfaceName) -> Bool { control.leaveChecksumsToKernel(name) }

    func name(of index: Int32) -> InterfaceName? { control.name(of: index) }
}
