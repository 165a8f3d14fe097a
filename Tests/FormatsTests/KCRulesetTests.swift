import Addressing
import NFTables
import Testing

@Suite struct KCRulesetTests {
    @Test func `the structure is this text`() {
        let ruleset = KCRuleset.structure(vxlanPort: 4789)
        let expected = """
            table bridge kc
            delete table bridge kc
            table bridge kc {
            	comment "kc:DIGEST"
            	set ready {
            		typeof iifname
            		comment "ports that have their guard"
            	}
            	chain from-port {
            		type filter hook prerouting priority -350; policy accept;
            		iifname "kct*" iifname != @ready counter drop
            	}
            	chain from-port-local {
            		type filter hook input priority -350; policy accept;
            		iifname "kct*" iifname != @ready counter drop
            	}
            	chain to-port {
            		type filter hook postrouting priority -350; policy accept;
            		oifname "kct*" oifname != @ready counter drop
            	}
            }
            table inet kc
            delete table inet kc
            table inet kc {
            	comment "kc:DIGEST"
            	set vteps {
            		typeof ip6 saddr
            		comment "who may send VXLAN here"
            	}
            	chain first-fragment {
            		meta l4proto != 17 return
            		@th,0,8 >= 0x0 return
            		counter drop
            	}
            	chain from-underlay {
            		type filter hook input priority -350; policy accept;
            		meta l4proto 17 @th,16,16 0x12b5 ip6 saddr != @vteps counter drop
            		meta nfproto ipv4 meta l4proto 17 @th,16,16 0x12b5 counter drop
            		frag frag-off 0 ip6 saddr != @vteps jump first-fragment
            	}
            }

            """
        let parts = expected.split(separator: "DIGEST", omittingEmptySubsequences: false)
        #expect(ruleset.text == parts.joined(separator: ruleset.digest))
    }

    @Test func `equal structures have equal digests, others have others`() {
        let digests = Set((UInt16(4000)...5000).map { KCRuleset.structure(vxlanPort: $0).digest })
        #expect(digests.count == 1001)
        #expect(KCRuleset.structure(vxlanPort: 4789) == KCRuleset.structure(vxlanPort: 4789))
        #expect(digests.allSatisfy { $0.utf8.count == 16 })
    }

    @Test func `elements follow the structure, sorted, and sets without any are left out`() throws {
        let ruleset = KCRuleset.structure(vxlanPort: 4789)
        let ports = try Set(["kctb", "kcta"].map { try InterfaceName($0) })
        #expect(
            ruleset.text(with: KCRuleset.elements(ready: ports, vteps: []))
                == ruleset.text + "add element bridge kc ready {\n\"kcta\",\n\"kctb\"\n}\n")
        #expect(
            ruleset.text(with: KCRuleset.elements(ready: [], vteps: [IPv6Address(high: 0xfd00 << 48, low: 1)]))
                == ruleset.text + "add element inet kc vteps {\nfd00::1\n}\n")
        #expect(ruleset.text(with: KCRuleset.elements(ready: [], vteps: [])) == ruleset.text)
    }

    @Test func `parts of keys are padded: names to 16 bytes, numbers to 4; marks have the host's order`() throws {
        let port = try InterfaceName("kct123456789abc")
        let name = KCRuleset.Sets.ready.element(.interface(port)).key.withBytes(Array.init)
        #expect(name == Array("kct123456789abc".utf8) + [0])
        let address = IPv6Address(high: 0x2001_0db8_0000_0000, low: 0x1)
        let set = NamedSet("all", of: [.mark, .transportProtocol, .transport(16, 16), .ipv6Source])
        let element = set.element(.number(0x0102_0304), .number(6), .number(0x1234), .address(address))
        #expect(
            element.key.withBytes(Array.init) == [4, 3, 2, 1, 6, 0, 0, 0, 0x12, 0x34, 0, 0] + address.bytes)
        #expect(
            element.key.values(of: set.key) == [.number(0x0102_0304), .number(6), .number(0x1234), .address(address)])
        #expect(set.text(of: element) == "0x1020304 . 6 . 0x1234 . 2001:db8::1")
    }

    /// The vectors of the FNV draft, appendix C.
    @Test(arguments: [("", "cbf29ce484222325"), ("a", "af63dc4c8601ec8c"), ("foobar", "85944171f73967e8")])
    func `FNV-1a gives the values of its authors`(text: String, hex: String) {
        #expect(FNV1a(of: text).hex == hex)
    }
}
