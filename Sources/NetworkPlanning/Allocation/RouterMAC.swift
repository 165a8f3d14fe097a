package import Addressing
package import Resources

/// The MAC address of the router on a segment.
package enum RouterMAC {
    /// The same for every gateway the segment ever has, so that a router can move to another host without its guests
    /// noticing: 72 and 40 bits out of the segment's id.
    ///
    /// 72 is a locally administered unicast octet of the quadrant left to the local administrator (RFC 9542 section
    /// 2.1, AAI), and neither KC's standard MAC pool (02:6b:63) nor the one of libvirt (52:54:00).
    package static func derive(segment: ResourceID) -> MACAddress {
        let bytes = segment.bytes
        // The first and last bytes of a UUID are its random ones in every version that has any (RFC 9562).
        return MACAddress((0..<5).reduce(0x72) { $0 << 8 | UInt64(bytes[$1] ^ bytes[11 + $1]) })
    }
}
