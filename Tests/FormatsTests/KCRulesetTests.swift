import Addressing
import NFTables
import Testing

@Suite struct KCRulesetTests {
    @Test func `both tables are replaced in one text, with the digest of all as their comment`() {
        let ruleset = KCRuleset.structure(vxlanPort: 4789)
        for table in ["bridge kc", "inet kc"] {
            let head = "table \(table)\ndelete table \(table)\ntable \(table) {\n\tcomment \"kc:\(ruleset.digest)\"\n"
            #expect(ruleset.text.contains(head))
        }
    }

    @Test func `the hooks of the guard are this text`() {
        let text = KCRuleset.structure(vxlanPort: 4789).text
        let hooks = [
            """
            chain from-port {
            type filter hook prerouting priority -350; policy accept;
            meta mark & 0xfffffffe == 0x6b630000 meta iifgroup & 0xfffffff8 == 0x6b60 accept
            meta mark 0x6b6300fd goto drop-offload
            meta mark set iifname . @ll,48,64 . ip6 saddr . @nh,192,64 map @fast goto inside
            iifname "kcx*" goto from-tunnel
            meta mark set iifname . @ll,48,64 . ip6 saddr map @own goto owned
            meta mark set iifname . @ll,48,64 map @ports goto known-port
            meta mark set iifname map @externals meta mark vmap \
            { 0x6b630122 : goto external, 0x6b630121 : goto gateway, 0x6b630125 : goto limited-external, \
            0x6b630126 : goto limited-gateway }
            iifname "kct*" goto from-other
            }
            """,
            """
            chain from-port-local {
            type filter hook input priority -350; policy accept;
            iifname "kct*" drop
            iifname "kcx*" drop
            }
            """,
            """
            chain to-port {
            type filter hook postrouting priority -350; policy accept;
            meta mark 0x6b630000 meta oifgroup 27492 meta mark set 0x6b6300ff accept
            meta mark set meta mark . oifname map @to meta mark 0x6b6300ff accept
            meta mark 0x6b630141 goto outside
            meta mark 0x6b630143 goto to-router
            meta mark vmap { 0x6b630140 : goto to-limited-open, 0x6b630142 : goto to-limited }
            oifname "kct*" goto drop-not-ready-to
            meta mark & 0xfffffffe == 0x6b630000 oifname "kcx*" meta mark set 0x6b6300ff
            }
            """,
        ]
        let bare = text.split(separator: "\n").map { $0.drop { $0 == "\t" } }.joined(separator: "\n")
        for hook in hooks { #expect(bare.contains(hook), "\(hook)") }
    }

    @Test func `the filter of tunnel endpoints is this text`() {
        let ruleset = KCRuleset.structure(vxlanPort: 4789, leadsUplinks: true)
        let expected = """
            table inet kc
            delete table inet kc
            table inet kc {
            	comment "kc:DIGEST"
            	set vteps {
            		typeof ip6 saddr
            		comment "who may send VXLAN here"
            	}
            	chain to-tunnel {
            		ip6 saddr != @vteps counter drop
            		meta nfproto ipv4 counter drop
            		meta mark set 0x6b6300fe accept
            	}
            	chain from-gateway {
            		meta l4proto 58 @th,0,8 { 0x1, 0x2, 0x3, 0x4, 0x81, 0x87, 0x88 } accept
            		counter drop
            	}
            	chain first-fragment {
            		meta l4proto != 17 return
            		@th,0,8 >= 0x0 return
            		counter drop
            	}
            	chain from-underlay {
            		type filter hook input priority -350; policy accept;
            		iifname "kcu*" goto from-gateway
            		meta l4proto 17 @th,16,16 0x12b5 goto to-tunnel
            		frag frag-off 0 ip6 saddr != @vteps jump first-fragment
            	}
            	chain through-host {
            		type filter hook forward priority -350; policy accept;
            		iifname "kcu*" ip6 daddr @vteps counter drop
            	}
            }

            """
        let parts = expected.split(separator: "DIGEST", omittingEmptySubsequences: false)
        #expect(ruleset.text.hasSuffix(parts.joined(separator: ruleset.digest)))
    }

    @Test func `a rule that nft would read as another one is none`() {
        func misread(_ fields: Field...) -> Bool {
            Rule.isMisread(fields.map { .match(.notEqual($0, .number(1))) })
        }
        #expect(misread(.link(48, 48), .link(96, 16)))
        // nft sorts them first.
        #expect(misread(.transport(16, 16), .transport(32, 8), .transport(0, 16)))
        #expect(misread(.network(192 - 8, 8), .ipv6Destination))
        #expect(misread(.ipv6Source, .ipv6Destination))
        #expect(!misread(.network(0, 8), .transport(8, 8)))
        #expect(!misread(.network(0, 8), .network(16, 8)))
        #expect(!misread(.mark, .transportProtocol))
        // Of equalities one is what two were.
        #expect(
            !Rule.isMisread([.match(.equal(.link(48, 48), .number(1))), .match(.equal(.link(96, 16), .number(1)))]))
    }

    @Test func `equal structures have equal digests, others have others`() {
        let digests = Set((UInt16(4000)...5000).map { KCRuleset.structure(vxlanPort: $0).digest })
        #expect(digests.count == 1001)
        #expect(KCRuleset.structure(vxlanPort: 4789) == KCRuleset.structure(vxlanPort: 4789))
        #expect(digests.allSatisfy { $0.utf8.count == 16 })
    }

    @Test func `elements follow the structure, sorted, and sets without any are left out`() throws {
        let ruleset = KCRuleset.structure(vxlanPort: 4789)
        let ports = try ["kctb", "kcta"].map { GuardElement.ready(try InterfaceName($0)) }
        #expect(
            ruleset.text(with: KCRuleset.elements(ports))
                == ruleset.text + "add element bridge kc ready {\n\"kcta\",\n\"kctb\"\n}\n")
        let vtep = GuardSet.vteps.set.element(.address(IPv6Address(high: 0xfd00 << 48, low: 1)))
        #expect(
            ruleset.text(with: KCRuleset.elements([GuardElement(.vteps, vtep)]))
                == ruleset.text + "add element inet kc vteps {\nfd00::1\n}\n")
        #expect(ruleset.text(with: KCRuleset.elements([GuardElement]())) == ruleset.text)
    }

    @Test func `every set of the agent's stands in the structure, and its elements know whose they are`() throws {
        let bridge = try #require(KCRuleset.tables(vxlanPort: 4789).first)
        for set in GuardSet.allCases where set != .vteps { #expect(bridge.sets.contains(set.set), "\(set)") }
        let port = try InterfaceName("kct1")
        let to = GuardSet.to.set.element(.number(1), .interface(port), value: Way.deliver.value)
        #expect(GuardElement(.to, to).owner == .port(port))
        let held = GuardSet.held.set.element(.number(300), .number(1), .number(2))
        #expect(GuardElement(.held, held).owner == .segment(try VNI(300)))
        let tunnel = GuardSet.segments.set.element(.interface(.vxlan(try VNI(300))), value: .mark(300))
        #expect(GuardElement(.segments, tunnel).owner == .segment(try VNI(300)))
    }

    @Test func `verdicts name chains that exist, and chains no jump reaches are hooks or reached from elements`() {
        for table in KCRuleset.tables(vxlanPort: 4789) {
            let names = Set(table.chains.map(\.name))
            for chain in table.chains {
                for rule in chain.rules {
                    for case .verdict(let verdict) in rule.statements {
                        switch verdict {
                        case .jump(let target), .goto(let target):
                            #expect(names.contains(target), "\(chain.name) to \(target)")
                        case .accept, .drop, .return: break
                        }
                    }
                }
            }
        }
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
