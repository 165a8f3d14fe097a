import Addressing

/// What a neighbour would make of ARP and IPv4 that reached it.
extension Judge {
    /// - Parameter bytes: behind the Ethernet header, of a frame with the port's own MAC.
    func complaintIPv4(_ type: Int, _ bytes: [UInt8], _ port: World.Port) -> String? {
        guard let own = port.ipv4 else { return "IPv4 or ARP" }
        if type == 0x0806 { return complaintARP(bytes, own, port) }
        guard type == 0x0800, bytes.count >= 20, bytes[0] >> 4 == 4 else { return type == 0x0800 ? nil : "RARP" }
        let source = Self.address(bytes[12..<16])
        let header = Int(bytes[0] & 15) * 4
        let total = Int(bytes[2]) << 8 | Int(bytes[3])
        guard header >= 20, total >= header, total <= bytes.count else { return nil }
        let content = Array(bytes[header..<total])
        let offset = (Int(bytes[6]) << 8 | Int(bytes[7])) & 0x1fff
        let ports = content.count >= 4 ? content[..<4].map(Int.init) : []
        let isClient = bytes[9] == 17 && offset == 0 && ports == [0, 68, 0, 67]
        // A datagram that ends before its own header reaches no socket.
        let isCut = bytes[9] == 17 && offset == 0 && content.count < 8
        if source != own, !(source.value == 0 && (isClient || isCut)) { return "an IPv4 source \(source)" }
        guard offset == 0 else { return nil }
        if bytes[9] == 17, ports.count == 4, ports[0] == 0 && ports[1] == 67 || ports[2] == 0 && ports[3] == 68 {
            return "a DHCPv4 server's message"
        }
        if bytes[9] == 1, let kind = content.first, kind == 5 || kind == 9 { return "an ICMP redirect or router" }
        return nil
    }

    private func complaintARP(_ bytes: [UInt8], _ own: IPv4Address, _ port: World.Port) -> String? {
        guard bytes.count >= 28, Array(bytes[..<6]) == [0, 1, 8, 0, 6, 4] else { return nil }
        let sender = Self.address(bytes[14..<18])
        if Array(bytes[8..<14]) != port.mac.bytes { return "an ARP sender with another MAC" }
        if sender == own { return nil }
        return sender.value == 0 && Self.address(bytes[24..<28]) == own ? nil : "an ARP claim of \(sender)"
    }

    private static func address(_ bytes: ArraySlice<UInt8>) -> IPv4Address {
        IPv4Address(bytes.reduce(0) { $0 << 8 | UInt32($1) })
    }
}
