import Addressing
import CMnl
import Glibc
import NodePorts

/// A tap while it is being made: TUNSETIFF on /dev/net/tun, the one kind of device that rtnetlink does not make. With
/// virtio-net headers and one queue. Gone with this value unless `persist` was called.
struct TapDevice: ~Copyable {
    private let descriptor: Int32
    private let name: InterfaceName

    /// In the namespace of the calling thread. A device of that name must not exist.
    init(_ name: InterfaceName) throws(NodeError) {
        self.name = name
        descriptor = open("/dev/net/tun", O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw KernelError.last("open /dev/net/tun").error("create tap", name.text) }
        guard cmnl_tap(descriptor, name.text) == 0 else {
            throw KernelError.last("TUNSETIFF").error("create tap", name.text)
        }
    }

    func persist() throws(NodeError) {
        guard cmnl_tap_persist(descriptor) == 0 else {
            throw KernelError.last("TUNSETPERSIST").error("create tap", name.text)
        }
    }

    deinit { close(descriptor) }
}
