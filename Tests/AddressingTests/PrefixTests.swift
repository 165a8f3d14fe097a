import Addressing
import Glibc
import SeededRandomness
import Testing

@Suite struct PrefixTests {
    @Test func `a prefix is read and written`() throws {
        #expect(try IPv6Prefix(parsing: "2001:db8::/32").description == "2001:db8::/32")
        #expect(try IPv6Prefix(parsing: "::/0").length == 0)
        #expect(try IPv6Prefix(parsing: "::1/128").contains(.loopback))
    }

    @Test(arguments: [
        ("2001:db8::", "lacks '/' and a length"), ("2001:db8::/", "has a length that is not a plain number"),
        ("2001:db8::/129", "has a length outside 0 to 128"),
        ("2001:db8::/064", "has a length that is not a plain number"),
        ("2001:db8::/-1", "has a length that is not a plain number"),
        ("2001:db8::/6 4", "has a length that is not a plain number"),
        ("2001:db8::1/64", "has bits set after its length; 2001:db8::/64 is the prefix it lies in"),
    ])
    func `an invalid prefix is refused with its reason`(text: String, rule: String) {
        #expect(throws: AddressingError(type: "IPv6 prefix", value: text, rule: rule)) { try IPv6Prefix(parsing: text) }
    }

    @Test func `contains and overlaps agree with the bits`() throws {
        var random = SeededGenerator(printedFor: "prefix containment")
        for _ in 0..<5000 {
            let address = IPv6Address(high: random.next(), low: random.next())
            let length = Int.random(in: 0...128, using: &random)
            let prefix = IPv6Prefix(containing: address, length: length)
            #expect(prefix.contains(address))
            if length > 0 {
                var other = address
                let bit = Int.random(in: 0..<length, using: &random)
                if bit < 64 { other.high ^= 1 << UInt64(63 - bit) } else { other.low ^= 1 << UInt64(127 - bit) }
                #expect(!prefix.contains(other))
                #expect(!prefix.overlaps(IPv6Prefix(containing: other, length: length)))
            }
            let shorter = IPv6Prefix(containing: address, length: Int.random(in: 0...length, using: &random))
            #expect(shorter.overlaps(prefix) && prefix.overlaps(shorter) && shorter.contains(prefix))
        }
    }

    @Test func `subprefixes are disjoint, inside, and as many as counted`() throws {
        let pool = try IPv6Prefix(parsing: "2001:db8:42::/56")
        #expect(pool.count(ofLength: 64) == 256)
        var seen: Set<IPv6Prefix> = []
        for index in 0..<256 as Range<UInt64> {
            let prefix = try #require(pool.subprefix(length: 64, at: index))
            #expect(pool.contains(prefix))
            seen.insert(prefix)
        }
        #expect(seen.count == 256)
        #expect(seen.contains(try IPv6Prefix(parsing: "2001:db8:42:ff::/64")))
        #expect(pool.subprefix(length: 64, at: 256) == nil)
        #expect(pool.subprefix(length: 48, at: 0) == nil)
        let wide = try IPv6Prefix(parsing: "2001:db8::/60")
        #expect(wide.subprefix(length: 68, at: 255)?.description == "2001:db8:0:f:f000::/68")
        #expect(try IPv6Prefix(parsing: "::/0").count(ofLength: 64) == nil)
        #expect(try IPv6Prefix(parsing: "::1/128").subprefix(length: 128, at: 0)?.description == "::1/128")
    }

    @Test func `IPv4 is read strictly, as the C library does`() throws {
        var random = SeededGenerator(printedFor: "IPv4 differential")
        let alphabet = Array("0123456789...")
        for _ in 0..<100_000 {
            let text = String(
                (0..<Int.random(in: 1...15, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? "." })
            var bytes = [UInt8](repeating: 0, count: 4)
            let theirs = inet_pton(AF_INET, text, &bytes) == 1 ? bytes.reduce(0) { UInt32($0) << 8 | UInt32($1) } : nil
            #expect(IPv4Address(text)?.value == theirs, "\(text)")
        }
        #expect(try IPv4Prefix(parsing: "10.0.0.0/8").contains(IPv4Address(parsing: "10.255.0.1")))
        #expect(throws: AddressingError.self) { try IPv4Prefix(parsing: "10.0.0.1/8") }
        #expect(throws: AddressingError.self) { try IPv4Prefix(parsing: "10.0.0.0/33") }
        #expect(try IPv4Prefix(parsing: "0.0.0.0/0").overlaps(IPv4Prefix(parsing: "192.0.2.0/24")))
    }
}

@Suite struct `A prefix without another` {
    @Test func `is itself, nothing, or what is left, whichever two they are`() throws {
        let whole = try IPv6Prefix(parsing: "::/0")
        for text in ["fd00:1::/64", "::/127", "ff00::/8", "fe80::/10", "::1/128", "8000::/1"] {
            let hole = try IPv6Prefix(parsing: text)
            let rest = whole.excluding(hole)
            #expect(rest.count == hole.length)
            #expect(rest == rest.sorted())
            let all = rest + [hole]
            for (index, prefix) in all.enumerated() {
                #expect(!all[..<index].contains { $0.overlaps(prefix) }, "\(prefix)")
            }
            // Together they are as large as the whole: 2^-length summed up, the smallest first, so that it is exact.
            let smallestFirst = all.sorted { $0.length > $1.length }
            #expect(smallestFirst.reduce(0.0) { $0 + Double(sign: .plus, exponent: -$1.length, significand: 1) } == 1)
        }
        let a = try IPv6Prefix(parsing: "fd00::/16")
        #expect(a.excluding(a).isEmpty)
        #expect(a.excluding(whole).isEmpty)
        #expect(a.excluding(try IPv6Prefix(parsing: "fe00::/16")) == [a])
    }
}
