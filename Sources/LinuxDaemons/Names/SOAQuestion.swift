import Addressing
import NodePorts

/// The one question that a name server is asked about itself: a zone's SOA (RFC 1035 section 4.1), without recursion.
struct SOAQuestion {
    let id: UInt16
    let domain: DomainName

    private static let soa: UInt16 = 6
    private static let internet: UInt16 = 1
    private static let headerLength = 12

    var bytes: [UInt8] {
        var bytes = Self.octets(id) + [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        for label in domain.labels { bytes += [UInt8(label.utf8.count)] + Array(label.utf8) }
        return bytes + [0] + Self.octets(Self.soa) + Self.octets(Self.internet)
    }

    private static func octets(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xff)] }

    /// What a datagram says; nil for one that is no answer to this question.
    func answer(_ datagram: [UInt8]) -> NameServerAnswer? {
        let question = bytes.dropFirst(Self.headerLength)
        guard datagram.count >= Self.headerLength + question.count, datagram[0...1] == Self.octets(id)[...],
            datagram[2] & 0x80 != 0,
            // Case may differ (RFC 1035 section 2.3.3); this question is all lower case and is sent back as it came.
            datagram[Self.headerLength..<(Self.headerLength + question.count)] == question
        else { return nil }
        let code = datagram[3] & 15
        let isAuthoritative = datagram[2] & 4 != 0
        guard code == 0, isAuthoritative, datagram[6] != 0 || datagram[7] != 0 else { return .other(rcode: code) }
        var rest = datagram[(Self.headerLength + question.count)...]
        guard Self.skipName(&rest), rest.count >= 10 else { return .other(rcode: code) }
        guard rest.prefix(2) == Self.octets(Self.soa)[...] else { return .other(rcode: code) }
        rest = rest.dropFirst(10)
        guard Self.skipName(&rest), Self.skipName(&rest), rest.count >= 4 else { return .other(rcode: code) }
        return .serial(rest.prefix(4).reduce(0) { $0 << 8 | UInt32($1) })
    }

    /// Past a name, which may end in a pointer (RFC 1035 section 4.1.4); false when it is cut off.
    private static func skipName(_ bytes: inout ArraySlice<UInt8>) -> Bool {
        while let length = bytes.popFirst() {
            if length == 0 { return true }
            if length & 0xc0 == 0xc0 { return bytes.popFirst() != nil }
            guard bytes.count >= Int(length) else { return false }
            bytes = bytes.dropFirst(Int(length))
        }
        return false
    }
}
