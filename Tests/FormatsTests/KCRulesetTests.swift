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
            		type ifname
            		comment "ports that may forward"
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
            		type ipv6_addr
            		comment "who may send VXLAN here"
            	}
            	chain first-fragment {
            		meta l4proto != udp return
            		@th,0,8 >= 0 return
            		counter drop
            	}
            	chain from-underlay {
            		type filter hook input priority -350; policy accept;
            		udp dport 4789 ip6 saddr != @vteps counter drop
            		meta nfproto ipv4 udp dport 4789 counter drop
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

    @Test func `keys are 16 bytes: a padded name, an address in network order`() throws {
        let name = try Element.interface(InterfaceName("kct123456789abc"))
        #expect(name.key == Array("kct123456789abc".utf8) + [0])
        let address = Element.address(IPv6Address(high: 0x2001_0db8_0000_0000, low: 0x1))
        #expect(address.key == [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [1])
    }

    /// The vectors of the FNV draft, appendix C.
    @Test(arguments: [("", "cbf29ce484222325"), ("a", "af63dc4c8601ec8c"), ("foobar", "85944171f73967e8")])
    func `FNV-1a gives the values of its authors`(text: String, hex: String) {
        #expect(FNV1a(of: text).hex == hex)
    }
}
