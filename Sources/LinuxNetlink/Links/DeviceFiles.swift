import Addressing
import CMnl
import Glibc

/// Settings of a device that have no netlink message: files under /proc/sys/net, which show the namespace of the
/// thread that opens them.
enum DeviceFiles {
    /// net.ipv6.conf.<device>.disable_ipv6. A device without IPv6 (no such file) has it disabled already.
    static func setIPv6Disabled(_ disabled: Bool, on name: InterfaceName) throws(KernelError) {
        do throws(KernelError) {
            try write(disabled ? "1" : "0", to: "/proc/sys/net/ipv6/conf/\(name.text)/disable_ipv6")
        } catch  where error.errno == ENOENT && disabled {
            return
        }
    }

    static func write(_ value: String, to path: String) throws(KernelError) {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .last("open \(path)") }
        defer { close(descriptor) }
        guard Glibc.write(descriptor, value, value.utf8.count) == value.utf8.count else {
            throw .last("write \(value) to \(path)")
        }
    }

    /// TUNSETIFF: taps are the one kind that rtnetlink does not make. Persistent, with virtio-net headers, one queue.
    /// - Throws: EBUSY when a tap of that name exists and someone holds it, EINVAL when it has other flags.
    static func makeTap(_ name: InterfaceName) throws(KernelError) {
        let descriptor = open("/dev/net/tun", O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw .last("open /dev/net/tun") }
        defer { close(descriptor) }
        guard cmnl_persistent_tap(descriptor, name.text) == 0 else { throw .last("TUNSETIFF") }
    }
}
