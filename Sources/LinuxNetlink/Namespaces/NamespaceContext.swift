import Addressing
import CMnl
import Glibc

/// What a job has at hand inside a namespace: the netlink connection and a socket for questions by ioctl.
///
/// Belongs to the one thread that made it.
final class NamespaceContext {
    let netlink: NetlinkConnection
    private let control: ControlSocket
    /// The program before the guard, for ports that are made; somebody else's to close.
    let guardProgram: Int32?
    /// Where the search for blocks without programs goes on.
    var nextBlocks: UInt32 = 0
    private var classifiers: [Gate.Program: Int32] = [:]

    /// Makes both sockets in the namespace of the calling thread.
    init(guardProgram: Int32? = nil) throws(KernelError) {
        self.guardProgram = guardProgram
        netlink = try NetlinkConnection()
        control = try ControlSocket()
    }

    deinit {
        for descriptor in classifiers.values { close(descriptor) }
    }

    /// The program of a gate as eBPF, loaded when it is first wanted (kept until the thread ends).
    func classifier(_ program: Gate.Program) throws(KernelError) -> Int32 {
        if let descriptor = classifiers[program] { return descriptor }
        let classifier = Classifier(program)
        let descriptor = cmnl_load_classifier(
            classifier.name, classifier.instructions, UInt32(classifier.instructions.count))
        guard descriptor >= 0 else {
            throw KernelError(
                errno: EOPNOTSUPP,
                message: "the kernel does not load the program of tunnels (errno \(errno); CONFIG_BPF_SYSCALL)")
        }
        classifiers[program] = descriptor
        return descriptor
    }

    func index(of name: InterfaceName) -> Int32? { control.index(of: name) }

    func leaveChecksumsToKernel(_ name: InterfaceName) -> Bool { control.leaveChecksumsToKernel(name) }

    func name(of index: Int32) -> InterfaceName? { control.name(of: index) }
}
