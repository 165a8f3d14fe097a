package import Addressing

/// A VXLAN header and the frame it carries (RFC 7348 section 5): the payload of a UDP datagram.
package struct VXLANPacket: Hashable, Sendable {
    package var vni: VNI
    /// An Ethernet frame, as bytes: whoever wants it read parses it.
    package var frame: [UInt8]

    /// IANA's port.
    package static let port: UInt16 = 4789

    package init(_ vni: VNI, _ frame: [UInt8]) {
        self.vni = vni
        self.frame = frame
    }

    package var bytes: [UInt8] {
        var bytes: [UInt8] = [0x08, 0, 0, 0]
        bytes.append(vni.value << 8)
        return bytes + frame
    }

    /// Reads the payload of a UDP datagram; offsets in errors count from its first byte. Reserved bits are ignored, as
    /// the RFC says; the I flag must be set and the VNI not be 0.
    package init(parsing bytes: [UInt8]) throws(FrameError) {
        var reader = ByteReader(bytes[...], .vxlan)
        let flags = try reader.uint32()
        guard flags >> 27 & 1 == 1 else { throw FrameError(.vxlan, .value(Int(flags >> 24)), at: 0) }
        let number = try reader.uint32() >> 8
        guard let vni = try? VNI(number) else {  // the only reason is the number itself
            throw FrameError(.vxlan, .value(Int(number)), at: 4)
        }
        self.init(vni, reader.rest())
    }
}
