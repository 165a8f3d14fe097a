import Addressing
import CMnl
import NetworkPlanning

/// Requests about addresses (RTM_*ADDR, linux/if_addr.h).
extension RequestBuffer {
    /// Adds without duplicate address detection: KC assigns, and a router's address must serve at once.
    func address(add: Bool, index: Int32, _ address: InterfaceAddress) {
        begin(add ? RTM_NEWADDR : RTM_DELADDR, flags: add ? NLM_F_CREATE | NLM_F_EXCL : 0)
        let isIPv4 = address.address.isIPv4Mapped
        put(
            header: ifaddrmsg(
                ifa_family: UInt8(isIPv4 ? AF_INET : AF_INET6),
                ifa_prefixlen: UInt8(clamping: address.length - (isIPv4 ? 96 : 0)), ifa_flags: 0,
                ifa_scope: 0, ifa_index: UInt32(bitPattern: index)))
        put(Int(IFA_LOCAL), address.address, isIPv4: isIPv4)
        if isIPv4 {
            if add { put(Int(IFA_ADDRESS), address.address, isIPv4: true) }
            return
        }
        if add { put(Int(IFA_FLAGS), UInt32(IFA_F_NODAD)) }
    }

    /// A dump of the addresses of a family, of all devices or of one.
    func getAddresses(family: Int32, index: Int32 = 0) {
        begin(RTM_GETADDR)
        put(
            header: ifaddrmsg(
                ifa_family: UInt8(family), ifa_prefixlen: 0, ifa_flags: 0, ifa_scope: 0,
                ifa_index: UInt32(bitPattern: index)))
    }
}

/// RTM_NEWADDR as the kernel shows it.
struct AddressAnswer {
    let index: Int32
    /// IPv4 in its mapped form (::ffff:a.b.c.d, the length plus 96).
    let address: InterfaceAddress
    /// The kernel made it by itself: loopback, or link-local from the MAC or a secret (IFA_PROTO, since Linux 5.18).
    let isKernels: Bool
    /// Of scope host (RT_SCOPE_HOST): loopback's own.
    let isInternal: Bool

    init?(_ message: Message) {
        guard message.type == RTM_NEWADDR || message.type == RTM_DELADDR,
            let header = message.header(ifaddrmsg.self)
        else { return nil }
        var local: IPv6Address?
        var shown: IPv6Address?
        var origin: UInt8 = 0
        for attribute in message.attributes(after: ifaddrmsg.self) {
            switch attribute.type {
            case Int(IFA_LOCAL): local = attribute.address ?? attribute.mappedAddress
            case Int(IFA_ADDRESS): shown = attribute.address ?? attribute.mappedAddress
            case Int(IFA_PROTO): origin = attribute.uint8 ?? 0
            default: break
            }
        }
        index = Int32(bitPattern: header.ifa_index)
        guard let known = local ?? shown else { return nil }
        let offset = Int32(header.ifa_family) == AF_INET ? 96 : 0
        address = InterfaceAddress(known, length: Int(header.ifa_prefixlen) + offset)
        isInternal = Int(header.ifa_scope) == Int(RT_SCOPE_HOST.rawValue)
        isKernels = Int32(origin) == IFAPROT_KERNEL_LO || Int32(origin) == IFAPROT_KERNEL_LL
    }
}
