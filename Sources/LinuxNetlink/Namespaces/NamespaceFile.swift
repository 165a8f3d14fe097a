import CMnl
import Glibc
import NetworkModel
import NodePorts

/// /run/netns/NAME, held open: the namespace it stands for, whatever happens to the name.
final class NamespaceFile: Sendable {
    /// nsfs gives each living namespace an inode of its own.
    struct Identity: Hashable {
        let device: dev_t
        let inode: ino_t
    }

    static let directory = "/run/netns"

    let name: NamespaceName
    let descriptor: Int32
    let identity: Identity

    static func path(_ name: NamespaceName) -> String { "\(directory)/\(name.text)" }

    init(_ name: NamespaceName) throws(NodeError) {
        self.name = name
        descriptor = open(Self.path(name), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            let error = KernelError.last("open \(Self.path(name))")
            guard error.errno != ENOENT else {
                throw NodeError(.noSuchNamespace, operation: "enter", subject: name.text)
            }
            throw error.error("enter", name.text)
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let error = KernelError.last("fstat").error("enter", name.text)
            close(descriptor)
            throw error
        }
        identity = Identity(device: status.st_dev, inode: status.st_ino)
    }

    deinit { close(descriptor) }

    /// Moves the calling thread.
    func enter() throws(NodeError) {
        guard setns(descriptor, Int32(CMNL_CLONE_NEWNET)) == 0 else {
            let error = KernelError.last("setns")
            // A file in /run/netns that no namespace is mounted on: `ip netns` calls it invalid, too.
            guard error.errno != EINVAL else {
                throw NodeError(
                    .noSuchNamespace, operation: "enter", subject: name.text,
                    message: "\(Self.path(name)) is a plain file")
            }
            throw error.error("enter", name.text)
        }
    }

    /// What the name stands for now; nil when it stands for nothing.
    static func identity(_ name: NamespaceName) -> Identity? {
        var status = stat()
        guard stat(path(name), &status) == 0 else { return nil }
        return Identity(device: status.st_dev, inode: status.st_ino)
    }
}
