// A libFuzzer target over the parser of frames: whatever the bytes, no trap, and what is accepted, built anew, is
// accepted as the same. tools/fuzz compiles it together with the sources of Addressing and Frames.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    if let frame = try? EthernetFrame(parsing: bytes) {
        // Reserved fields are read as zero, which can make a wrong checksum right: the second time nothing changes.
        guard let settled = try? EthernetFrame(parsing: frame.bytes),
            let again = try? EthernetFrame(parsing: settled.bytes)
        else { preconditionFailure("an accepted frame is refused when it is built anew") }
        precondition(again == settled, "an accepted frame does not survive its bytes")
        if case .ipv6(let packet) = frame.payload, case .udp(let datagram) = packet.content {
            _ = try? DHCPv6Header(parsing: datagram.payload)
            _ = try? VXLANPacket(parsing: datagram.payload)
        }
    }
    if let packet = try? VXLANPacket(parsing: bytes) {
        precondition((try? VXLANPacket(parsing: packet.bytes)) == packet)
    }
    if let message = try? DHCPv6Header(parsing: bytes) {
        precondition((try? DHCPv6Header(parsing: message.bytes)) == message)
    }
    return 0
}
