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

    /// net.ipv6.conf.<device>.addr_gen_mode: IN6_ADDR_GEN_MODE_NONE (linux/if_link.h).
    static func keepFromMakingLinkLocal(_ name: InterfaceName) throws(KernelError) {
        try write("1", to: "/proc/sys/net/ipv6/conf/\(name.text)/addr_gen_mode")
    }

    static func write(_ value: String, to path: String) throws(KernelError) {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .last("open \(path)") }
        defer { close(descriptor) }
        guard Glibc.write(descriptor, value, value.utf8.count) == value.utf8.count else {
            throw .last("write \(value) to \(path)")
        }
    }

    /// The decimal number that a file holds; nil when there is no such file or something else in it.
    static func number(at path: String) -> Int? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return withUnsafeTemporaryAllocation(byteCount: 32, alignment: 1) { buffer in
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            guard count > 0 else { return nil }
            return Int(String(decoding: buffer[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
        }
    }
}
