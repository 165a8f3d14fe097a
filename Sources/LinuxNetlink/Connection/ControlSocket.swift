import Addressing
import CMnl
import Glibc

/// A socket for questions by ioctl to the namespace it was opened in. They take a microsecond and not the lock that
/// netlink takes.
final class ControlSocket: Sendable {
    private let descriptor: Int32

    init() throws(KernelError) {
        descriptor = socket(AF_INET6, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .last("socket(AF_INET6)") }
    }

    deinit { close(descriptor) }

    /// The index of a device; nil when there is none of that name. To be asked each time: an index that was kept would be
    /// wrong after the device was made again.
    func index(of name: InterfaceName) -> Int32? {
        let index = cmnl_interface_index(descriptor, name.text)
        return index > 0 ? index : nil
    }

    /// Has the kernel compute the checksums of what leaves a device, and cut what is too large, before the device gets it.
    /// False with errno when it cannot be had.
    func leaveChecksumsToKernel(_ name: InterfaceName) -> Bool { cmnl_checksums_off(descriptor, name.text) == 0 }

    /// The name of an index now; at most 16 bytes with the final zero (IFNAMSIZ).
    func name(of index: Int32) -> InterfaceName? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16) { buffer in
            guard let start = buffer.baseAddress, cmnl_interface_name(descriptor, index, start) == 0 else { return nil }
            return interfaceName(String(cString: start))
        }
    }
}
