import Addressing
import Glibc
import SeededRandomness
import Testing

@Suite struct IPv6AddressTests {
    @Test(arguments: [
        ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::1", "2001:db8::1"),
        ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),  // one zero group is not shortened (RFC 5952 4.2.2)
        ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),  // the longer run (4.2.3)
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),  // the first of equal runs (4.2.3)
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"), ("::ffff:c000:201", "::ffff:192.0.2.1"),
        ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
        ("ff15::8b00:2c", "ff15::8b00:2c"),
    ])
    func `every valid form is read and written in the one canonical form`(text: String, canonical: String) throws {
        #expect(try IPv6Address(parsing: text).description == canonical)
    }

    @Test(arguments: [
        ("", "is empty"), (":", "begins with a single ':'"), (":1::", "begins with a single ':'"),
        ("1:", "ends with a single ':'"), ("1:2:3:4:5:6:7:", "ends with a single ':'"),
        ("1:2:3:4:5:6:7", "has 7 groups instead of 8"), ("1:2:3:4:5:6:7:8:9", "has more than 8 groups"),
        ("1::2::3", "has more than one '::'"), (":::", "has more than one '::' or an empty group"),
        ("1:2:3:4::5:6:7:8", "has 8 groups and a '::' that stands for none"),
        ("12345::", "has a group of more than 4 digits"), ("g::", "has a group with something else than hex digits"),
        ("fe80::1%eth0", "carries a zone, which has no meaning off its host"),
        ("1.2.3.4", "is an IPv4 address"), ("1:1.2.3.4", "has 3 groups instead of 8"),
        ("::1.2.3", "has an IPv4 part that has not exactly 4 parts"),
        ("::1.2.3.256", "has an IPv4 part that has a part above 255"),
        ("::01.2.3.4", "has an IPv4 part that has a leading zero"),
        ("1.2.3.4::", "has an IPv4 part that is not at its end"),
        ("1:2:3:4:5:6:7:1.2.3.4", "has no room for its IPv4 part"),
        (" ::1", "has a group with something else than hex digits"),
        ("::1 ", "has a group with something else than hex digits"),
        ("::1\n", "has a group with something else than hex digits"),
        ("::/0", "has a group with something else than hex digits"),
        ("1:2:3:4:5:6:7:8:1:2:3:4:5:6:7:8:1:2:3:4:5:6:7:8", "is longer than 45 characters"),
    ])
    func `every invalid form is refused with its reason`(text: String, rule: String) {
        #expect(throws: AddressingError(type: "IPv6 address", value: text, rule: rule)) {
            try IPv6Address(parsing: text)
        }
    }

    @Test func `random addresses survive the text form, and the C library reads them alike`() throws {
        var random = SeededGenerator(printedFor: "address round trip")
        for _ in 0..<20_000 {
            let address = IPv6Address(high: sparse(&random), low: sparse(&random))
            #expect(try IPv6Address(parsing: address.description) == address)
            #expect(systemParse(address.description) == address.bytes)
            #expect(IPv6Address(bytes: address.bytes) == address)
        }
    }

    @Test func `random texts are accepted exactly when the C library accepts them`() {
        var random = SeededGenerator(printedFor: "text differential")
        let alphabet = Array("0123456789abcF::::...")
        var accepted = 0
        for _ in 0..<200_000 {
            let text = String(
                (0..<Int.random(in: 1...20, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? ":" })
            let ours = IPv6Address(text)?.bytes
            let theirs = systemParse(text)
            #expect(ours == theirs, "\(text)")
            if ours != nil { accepted += 1 }
        }
        #expect(accepted > 1000)
    }

    @Test func `order is the order of the bytes`() {
        var random = SeededGenerator(printedFor: "address order")
        for _ in 0..<2000 {
            let left = IPv6Address(high: sparse(&random), low: sparse(&random))
            let right = IPv6Address(high: sparse(&random), low: sparse(&random))
            #expect((left < right) == left.bytes.lexicographicallyPrecedes(right.bytes))
        }
    }

    @Test func `scopes are told apart`() throws {
        #expect(try IPv6Address(parsing: "fe80::1").isLinkLocal)
        #expect(try IPv6Address(parsing: "febf::").isLinkLocal)
        #expect(try !IPv6Address(parsing: "fec0::").isLinkLocal)
        #expect(try IPv6Address(parsing: "fd00::").isUniqueLocal)
        #expect(try IPv6Address(parsing: "fc00::").isUniqueLocal)
        #expect(try !IPv6Address(parsing: "fe00::").isUniqueLocal)
        #expect(try IPv6Address(parsing: "ff02::1").isMulticast)
        #expect(try IPv6Address(parsing: "::ffff:1.2.3.4").isIPv4Mapped)
    }

    /// Words with long zero runs, which random ones would hardly ever have.
    private func sparse(_ random: inout SeededGenerator) -> UInt64 {
        var word: UInt64 = 0
        for _ in 0..<4 { word = word << 16 | (Bool.random(using: &random) ? 0 : random.next() & 0xffff) }
        return word
    }

    private func systemParse(_ text: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 16)
        return inet_pton(AF_INET6, text, &bytes) == 1 ? bytes : nil
    }
}
