import Addressing
import DaemonConfigs
import Testing

struct TaygaConfigurationTests {
    @Test func `the whole file`() throws {
        let configuration = TaygaConfiguration(
            device: try InterfaceName("nat0"), own: try IPv4Address(parsing: "192.0.2.1"),
            prefix: try IPv6Prefix(parsing: "64:ff9b::/96"), hasBlock: true,
            mappings: [
                try IPv4Address(parsing: "203.0.113.11"): try IPv6Address(parsing: "fd00:1::11"),
                try IPv4Address(parsing: "203.0.113.10"): try IPv6Address(parsing: "fd00:1::10"),
            ])
        #expect(
            configuration.text == """
                tun-device nat0
                ipv4-addr 192.0.2.1
                ipv6-addr fd6b:6300::c000:201
                prefix 64:ff9b::/96
                dynamic-pool 198.18.0.0/16
                map 203.0.113.10 fd00:1::10
                map 203.0.113.11 fd00:1::11

                """)
        var plain = configuration
        plain.hasBlock = false
        #expect(!plain.text.contains("dynamic-pool"))
    }
}
