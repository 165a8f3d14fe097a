import Addressing
import Diagnosis
import LinuxNetlink
import LinuxPackets
import LinuxProcesses
import NodePorts
import Testing

/// A large frame with an open checksum through a tunnel of this kernel, undisturbed and disturbed.
@Suite struct OffloadTests {
    /// - Parameter disturb: runs in the namespace at the tunnel's far end.
    private func check(
        near: @escaping @Sendable (ScratchTunnel.End) throws(NodeError) -> Void = { _ in },
        far: @escaping @Sendable (ScratchTunnel.End) throws(NodeError) -> Void = { _ in }
    ) async throws -> Check {
        let (hello, burst) = (OffloadBurst.hello, OffloadBurst.frame)
        let heard = try await ScratchTunnel(threads: try NamespaceThreads()).run(
            near: { end throws(NodeError) in
                try near(end)
                return try OffloadSender(end.tunnel)
            },
            far: { end throws(NodeError) in
                try far(end)
                return try OffloadEars(wire: end.underlay, end: end.tunnel)
            },
            { sender, ears throws(NodeError) in
                try OffloadExchange(sender, ears).run(
                    hello: hello, burst,
                    OffloadOrder(
                        segment: OffloadBurst.segment, headers: OffloadBurst.headers,
                        checksumStart: OffloadBurst.checksumStart, checksumOffset: OffloadBurst.checksumOffset))
            })
        return OffloadCheck(
            wire: heard.wire.map { .init($0.bytes, isChecksumOpen: $0.isChecksumOpen) },
            arrived: heard.end.map { .init($0.bytes, isChecksumOpen: $0.isChecksumOpen) }, mtu: ScratchTunnel.mtu
        ).check
    }

    @Sendable private static func run(_ program: String, _ arguments: String...) throws(NodeError) {
        let (end, output) = try ChildProcess.run(program, arguments, within: .seconds(10))
        guard end == .exited(0) else {
            throw NodeError(.program, operation: "run", subject: program, message: "\(end): \(output)")
        }
    }

    @Test func `this kernel cuts it and sums it up rightly, and nothing stays`() async throws {
        for _ in 0..<3 {
            let check = try await check()
            #expect(check.level == .ok, "\(check.what)")
            #expect(check.what.contains("leave as 9 packets of at most 1500 bytes"), "\(check.what)")
        }
    }

    @Test func `what is lost between the tunnel's ends is missed`() async throws {
        let check = try await check(far: { end throws(NodeError) in
            // Behind the ear at the device, before the tunnel's: the third packet of full size, and each third after it.
            try Self.run(
                "/usr/sbin/nft",
                """
                table netdev t { chain c { type filter hook ingress device \(end.underlay) priority 0;
                meta length > 1000 numgen inc mod 3 2 drop; }; }
                """)
        })
        #expect(check.level == .fail && check.what.hasPrefix("8320 of 11060 bytes arrive"), "\(check.what)")
    }

    @Test func `what is changed on the way is dropped for its checksum, and missed`() async throws {
        let check = try await check(far: { end throws(NodeError) in
            try Self.run(
                "/usr/sbin/nft",
                """
                table netdev t { chain c { type filter hook ingress device \(end.underlay) priority 0;
                meta length > 1000 @th,800,16 set 0; }; }
                """)
        })
        #expect(check.level == .fail && check.what.contains("bytes arrive behind the tunnel"), "\(check.what)")
    }

    @Test func `an underlay that carries less than it shall is noticed`() async throws {
        let check = try await check(near: { end throws(NodeError) in
            try Self.run("/usr/sbin/ip", "link", "set", end.underlay.text, "mtu", "1400")
        })
        #expect(check.level == .fail, "\(check.what)")
    }
}
