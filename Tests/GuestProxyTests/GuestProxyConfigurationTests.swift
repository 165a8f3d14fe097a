import Addressing
import DaemonConfigs
import GuestProxy
import Testing

@Suite struct GuestProxyConfigurationTests {
    private let id = "0190c9a4-7a3e-7f11-8a55-00000000000"

    private func identifier(_ digit: Int) throws -> GuestProxyConfiguration.Identifier {
        try #require(GuestProxyConfiguration.Identifier(id + "\(digit)"))
    }

    @Test func `what is written is read`() throws {
        let interface = try InterfaceName("seg00012c")
        let address = try IPv6Address(parsing: "fe80::5")
        let path = try #require(ConfigurationPath("/run/kc/services/metadata"))
        let configuration = GuestProxyConfiguration(
            services: [
                .init(id: try identifier(1), port: 80, connections: 16, consumer: .socket(path)),
                .init(
                    id: try identifier(2), port: 8080, connections: 1,
                    consumer: .server(try IPv6Address(parsing: "2001:db8::80"), port: 443)),
            ], places: [.init(interface, try IPv6Address(parsing: "fe80::1"))],
            guests: [.init(interface, address): try identifier(3)])
        #expect(
            configuration.text == """
                service \(id)1 80 16 unix:/run/kc/services/metadata
                service \(id)2 8080 1 [2001:db8::80]:443
                listen seg00012c fe80::1
                guest seg00012c fe80::5 \(id)3

                """)
        #expect(try GuestProxyConfiguration(parsing: configuration.text) == configuration)
    }

    @Test(arguments: [
        "service 1 80 16 unix:/a", "service ID 0 16 unix:/a", "service ID 80 0 unix:/a", "service ID 80 16 unix:a",
        "service ID 80 16 [::1]", "service ID 80 16 [fe80::g]:1", "service ID 80 16 [::1]:0", "listen seg0",
        "listen seg0 10.0.0.1", "listen a/b ::1", "guest seg0 ::1 nobody", "guest seg0 ::1", "other", "listen  ::1",
    ])
    func `a line that is none of the three kinds is refused with its number`(line: String) {
        let text = "listen seg0 ::1\n" + line.replacing("ID", with: id + "1") + "\n"
        #expect(throws: GuestProxyError(line: 2)) { try GuestProxyConfiguration(parsing: text) }
    }

    @Test func `the header carries the addresses and the ids`() throws {
        let header = ProxyHeader.guest(
            source: try IPv6Address(parsing: "fe80::2"), port: 0x1234, destination: try IPv6Address(parsing: "fe80::1"),
            destinationPort: 80, attachment: try identifier(1), service: try identifier(2))
        let bytes = header.bytes
        #expect(Array(bytes[..<12]) == Array("\r\n\r\n\0\r\nQUIT\n".utf8))
        // Version 2, PROXY; TCP over IPv6; 36 octets of addresses and two fields of 3 + 36.
        #expect(Array(bytes[12..<16]) == [0x21, 0x21, 0, 114])
        #expect(bytes.count == 16 + 114)
        #expect(bytes[16] == 0xfe && bytes[31] == 2 && bytes[47] == 1)
        #expect(Array(bytes[48..<52]) == [0x12, 0x34, 0, 80])
        #expect(Array(bytes[52..<55]) == [0xe0, 0, 36])
        #expect(String(decoding: bytes[55..<91], as: UTF8.self) == id + "1")
        #expect(Array(bytes[91..<94]) == [0xe1, 0, 36])
        #expect(String(decoding: bytes[94...], as: UTF8.self) == id + "2")
        #expect(ProxyHeader.local.bytes == ProxyHeader.signature + [0x20, 0, 0, 0])
    }
}
