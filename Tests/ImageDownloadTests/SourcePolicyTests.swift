import Addressing
import ImageDownload
import Testing

/// Which addresses are asked for images.
struct SourcePolicyTests {
    private func policy(_ listed: [String] = [], own: [String] = []) throws -> SourcePolicy {
        SourcePolicy(
            listed: try listed.map { try IPv6Prefix(parsing: $0) },
            own: Set(try own.map { try IPv6Address(parsing: $0) }))
    }

    @Test(arguments: [
        "::1", "::", "fe80::1", "fe80::a9fe:a9fe", "fd00::1", "fc00::1", "ff02::1", "2001:db8::1", "2002:7f00:1::1",
        "2001::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "::ffff:93.184.216.34",
        "::127.0.0.1", "fec0::1", "3fff::1",
    ])
    func `an address of IPv6 that is not public is refused`(text: String) throws {
        #expect(try policy().refusal(of: IPv6Address(parsing: text), isWritten: true) != nil)
    }

    @Test(arguments: [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "203.0.113.9",
    ])
    func `an address of IPv4 that is not public is refused, also where a name stands for it`(text: String) throws {
        let address = try IPv4Address(parsing: text)
        #expect(try policy().refusal(of: address) != nil)
        #expect(try policy().refusal(of: address.mapped, isWritten: false) != nil)
    }

    @Test func `public addresses are asked, and those that the operator lists, but none of this machine's`() throws {
        let some = try policy(["fd00:1::/64", "::ffff:10.0.0.0/104"], own: ["2a00:1::1"])
        for text in ["2a00:1::2", "2606:2800:220:1::1", "64:ff9b::5db8:d822", "fd00:1::7"] {
            #expect(some.refusal(of: try IPv6Address(parsing: text), isWritten: true) == nil, "\(text)")
        }
        for text in ["93.184.216.34", "172.32.0.1", "10.1.2.3"] {
            #expect(some.refusal(of: try IPv4Address(parsing: text)) == nil, "\(text)")
        }
        #expect(some.refusal(of: try IPv6Address(parsing: "2a00:1::1"), isWritten: true) != nil)
        #expect(some.refusal(of: try IPv6Address(parsing: "fd00:2::7"), isWritten: true) != nil)
    }
}
