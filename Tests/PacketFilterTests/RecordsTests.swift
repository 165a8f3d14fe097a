import Addressing
import LinuxPacketFilter
import NodePorts
import TestNamespaces
import Testing

/// What packets leave behind in the tables, as the kernel tells it.
@Suite struct RecordsTests {
    @Test func `counts of drops and addresses in use are read from the kernel`() async throws {
        let host = try TestNamespace("kcpf")
        let filter = NFTPacketFilter(namespace: host.name, worker: worker)
        // Without tables there is nothing.
        #expect(try await filter.droppedFrames().isEmpty)
        #expect(try await filter.seenSources().isEmpty)
        try host.run(
            "nft",
            """
            table bridge kc {
            set dropped-rogue-ra {
            type ifname
            flags dynamic
            counter
            elements = { "kctaaaaaaaaaa" counter packets 5 bytes 500, "kctbbbbbbbbbb" counter packets 7 bytes 9 }
            }
            set dropped-policy {
            type ifname
            flags dynamic
            counter
            elements = { "kctaaaaaaaaaa" counter packets 4294967297 bytes 1 }
            }
            set seen {
            type ifname . ipv6_addr
            flags dynamic,timeout
            timeout 5m
            elements = { "kctaaaaaaaaaa" . fd01::1, "kctaaaaaaaaaa" . fe80::2 }
            }
            }
            """)
        let (first, second) = try (InterfaceName("kctaaaaaaaaaa"), InterfaceName("kctbbbbbbbbbb"))
        #expect(
            try await filter.droppedFrames() == [
                first: ["rogue-ra": 5, "policy": 4_294_967_297], second: ["rogue-ra": 7],
            ])
        #expect(
            try await filter.seenSources() == [
                first: [try IPv6Address(parsing: "fd01::1"), try IPv6Address(parsing: "fe80::2")]
            ])
    }
}
