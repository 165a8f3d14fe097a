/// A Linux interface name: 1 to 15 bytes (IFNAMSIZ 16, linux/if.h).
///
/// Stricter than the kernel, which only forbids '/', ':' and white space (dev_valid_name): printable ASCII letters,
/// digits, '.', '_' and '-', not starting with '-', and neither `all` nor `default`, so that a name is safe in every
/// configuration file and on every command line.
package struct InterfaceName: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let text: String

    package static let maximumLength = 15

    package init(_ text: some StringProtocol) throws(AddressingError) { try self.init(String(text)) }

    /// Not generic: thousands of names are read at every look at a host.
    package init(_ text: String) throws(AddressingError) {
        func refuse(_ rule: String) -> AddressingError {
            AddressingError(type: "interface name", value: text, rule: rule)
        }
        guard !text.isEmpty else { throw refuse("is empty") }
        guard text.utf8.count <= Self.maximumLength else { throw refuse("is longer than 15 bytes") }
        guard text.utf8.allSatisfy(Self.isAllowed) else {
            throw refuse("has something else than letters, digits, '.', '_' and '-'")
        }
        guard text.utf8.first != UInt8(ascii: "-") else { throw refuse("begins with '-'") }
        guard text.utf8.count > 2 || (text != "." && text != "..") else { throw refuse("is a directory, not a name") }
        // Its settings would be those of all devices (sysctl_dev_name_is_allowed, net/ipv6/addrconf.c).
        guard text != "all", text != "default" else {
            throw refuse("is what the kernel calls the settings of all devices")
        }
        self.text = text
    }

    private init(derived text: String) { self.text = text }

    /// `kcx<vni:6 hex>`: the VXLAN device of a segment.
    package static func vxlan(_ vni: VNI) -> InterfaceName { InterfaceName(derived: "kcx" + vni.hex) }
    /// `kcb<vni:6 hex>`: the bridge of a segment.
    package static func bridge(_ vni: VNI) -> InterfaceName { InterfaceName(derived: "kcb" + vni.hex) }
    /// `kct<10 characters of base32(id)>`: the port of an attachment. `identifier` is the id's first 7 bytes or more.
    package static func port(_ identifier: [UInt8]) -> InterfaceName {
        InterfaceName(derived: "kct" + base32(identifier, length: 10))
    }
    /// Whether it is named as the port of an attachment is.
    package var isPort: Bool { text.hasPrefix("kct") }
    /// Whether it is named as the VXLAN device of a segment is.
    package var isTunnel: Bool { text.hasPrefix("kcx") }
    /// Whether it is named as the host's end of a gateway's routed uplink is.
    package var isUplink: Bool { text.hasPrefix("kcu") }
    /// `kcp<10 characters>`: the guest's end of a veth while it waits to be moved into its namespace.
    package static func peer(_ identifier: [UInt8]) -> InterfaceName {
        InterfaceName(derived: "kcp" + base32(identifier, length: 10))
    }
    /// `seg<vni:6 hex>`: the port of a managed gateway on a segment, inside the gateway's namespace.
    package static func gatewaySegment(_ vni: VNI) -> InterfaceName { InterfaceName(derived: "seg" + vni.hex) }
    /// `kcu<10 characters of base32(id)>`: the host's end of a gateway's routed uplink.
    package static func uplink(_ identifier: [UInt8]) -> InterfaceName {
        InterfaceName(derived: "kcu" + base32(identifier, length: 10))
    }
    /// `up0`: the way out, inside a gateway's namespace.
    package static let up0 = InterfaceName(derived: "up0")

    package static func < (left: InterfaceName, right: InterfaceName) -> Bool { left.text < right.text }
    package var description: String { text }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

/// The first `length` characters of the lower-case base32 (RFC 4648 section 6) of `bytes`, without padding.
package func base32(_ bytes: [UInt8], length: Int) -> String {
    // Names are derived for every port on every look at a host: no array between the bits and the string.
    String(unsafeUninitializedCapacity: length) { text in
        var count = 0
        var buffer: UInt32 = 0
        var bits: UInt32 = 0
        for byte in bytes where count < length {
            buffer = (buffer << 8 | UInt32(byte)) & 0xffff
            bits += 8
            while bits >= 5, count < length {
                bits -= 5
                text[count] = base32Digit(UInt8(truncatingIfNeeded: buffer >> bits & 31))
                count += 1
            }
        }
        if bits > 0, count < length {
            text[count] = base32Digit(UInt8(truncatingIfNeeded: buffer << (5 - bits) & 31))
            count += 1
        }
        return count
    }
}

/// 0 to 25 are letters, 26 to 31 the digits 2 to 7.
private func base32Digit(_ value: UInt8) -> UInt8 {
    value < 26 ? UInt8(ascii: "a") + value : UInt8(ascii: "2") + value - 26
}
