import CLinux
import Glibc
package import NetworkModel
package import NodePorts

/// Moves the calling thread into a network namespace under /run/netns. Only for threads of one's own.
package func enterNamespace(_ namespace: NamespaceName) throws(NodeError) {
    let descriptor: FileDescriptor
    do throws(NodeError) {
        descriptor = try FileDescriptor.open("/run/netns/\(namespace)", O_RDONLY)
    } catch {
        let code = error.code == .errno(ENOENT) ? .noSuchNamespace : error.code
        throw NodeError(code, operation: "open namespace", subject: namespace.text)
    }
    try enterNamespace(descriptor, name: namespace.text)
}

/// Moves the calling thread into the network namespace that the descriptor stands for.
/// - Parameter name: for the error.
package func enterNamespace(_ descriptor: borrowing FileDescriptor, name: String) throws(NodeError) {
    guard setns(descriptor.raw, Int32(CLINUX_CLONE_NEWNET)) == 0 else {
        // EINVAL: a name that `ip netns add` has made but not yet mounted the namespace on.
        throw NodeError(
            errno == EINVAL ? .noSuchNamespace : .errno(errno), operation: "enter namespace", subject: name)
    }
}
