import Addressing
import DaemonConfigs
import Testing

@Suite struct RadvdConfigurationTests {
    static func interface(lifetime: Int = 1800, resolvers: Int = 0) throws -> RadvdConfiguration.Interface {
        RadvdConfiguration.Interface(
            name: .gatewaySegment(try VNI(300)), prefix: try IPv6Prefix(parsing: "fd00:1:2:3::/64"),
            mtu: try MTU(1430), routerLifetimeSeconds: lifetime,
            resolvers: (0..<resolvers).map { IPv6Address(high: 0xfd00 << 48, low: UInt64($0 + 1)) })
    }

    @Test func `a segment is this text`() throws {
        let text = RadvdConfiguration(interfaces: [try Self.interface(resolvers: 1)]).text
        let expected = """
            interface seg00012c {
                IgnoreIfMissing on;
                AdvSendAdvert on;
                AdvRASrcAddress { fe80::1; };
                MinRtrAdvInterval 10;
                MaxRtrAdvInterval 30;
                AdvDefaultLifetime 1800;
                AdvLinkMTU 1430;
                prefix fd00:1:2:3::/64 {
                    AdvOnLink on;
                    AdvAutonomous on;
                };
                RDNSS fd00::1 {
                    AdvRDNSSLifetime 1800;
                };
            };

            """
        #expect(text == expected)
    }

    @Test func `where names are looked for stands in a block of its own`() throws {
        var interface = try Self.interface()
        interface.search = [try DomainName(parsing: "blue.default.cloud.example")]
        let text = RadvdConfiguration(interfaces: [interface]).text
        #expect(text.contains("    DNSSL blue.default.cloud.example {\n        AdvDNSSLLifetime 1800;\n    };\n"))
    }

    @Test func `what a router leads to stands in blocks of their own`() throws {
        var interface = try Self.interface(lifetime: 0)
        interface.routes = [try IPv6Prefix(parsing: "fd00:1:2:4::/64"), try IPv6Prefix(parsing: "fd00:1:2:5::/64")]
        let text = RadvdConfiguration(interfaces: [interface]).text
        for prefix in ["fd00:1:2:4::/64", "fd00:1:2:5::/64"] {
            #expect(text.contains("    };\n    route \(prefix) {\n        AdvRouteLifetime 1800;\n    };\n"))
        }
    }

    @Test(arguments: [(false, false), (false, true), (true, true)])
    func `the flags say how guests come to addresses`(isManaged: Bool, hasOther: Bool) throws {
        var interface = try Self.interface()
        interface.isManaged = isManaged
        interface.hasOther = hasOther
        let text = RadvdConfiguration(interfaces: [interface]).text
        #expect(text.contains("AdvManagedFlag on;") == isManaged)
        #expect(text.contains("AdvOtherConfigFlag on;") == hasOther)
        #expect(text.contains("AdvAutonomous off;") == isManaged)
    }

    @Test(arguments: [(0, 0), (1, 1), (3, 1), (4, 2), (8, 3)])
    func `resolvers come in blocks of three at most`(resolvers: Int, blocks: Int) throws {
        let text = RadvdConfiguration(interfaces: [try Self.interface(resolvers: resolvers)]).text
        let lines = text.split(separator: "\n").filter { $0.contains("RDNSS fd00") }
        #expect(lines.count == blocks)
        #expect(lines.allSatisfy { (1...3).contains($0.split(separator: " ").count - 2) })
    }

    @Test func `the interval keeps to the bounds of RFC 4861`() {
        #expect(RadvdConfiguration.minimumInterval >= 3)
        #expect(Double(RadvdConfiguration.minimumInterval) <= 0.75 * Double(RadvdConfiguration.maximumInterval))
        #expect((4...1800).contains(RadvdConfiguration.maximumInterval))
    }
}
