import Addressing

/// What a job has at hand inside a namespace: the netlink connection and a socket for questions by ioctl.
///
/// Belongs to the one thread that made it.
final class NamespaceContext {
    let netlink: NetlinkConnection
    private let control: ControlSocket

    /// Makes both sockets in the namespace of the calling thread.
    init() throws(KernelError) {
        netlink = try NetlinkConnection()
        control = try ControlSocket()
    }

    func index(of name: InterfaceName) -> Int32? { control.index(of: name) }

    func leaveChecksumsToKernel(_ name: InterfaceName) -> Bool { control.leaveChecksumsToKernel(name) }

    func name(of index: Int32) -> InterfaceName? { control.name(of: index) }
}
