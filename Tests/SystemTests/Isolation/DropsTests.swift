import Glibc
import Laboratory
import NetworkModel
import Testing

extension SystemTests {
    /// What `kcnet drops --follow` shows of real frames, from the kernel's log to the operator's terminal.
    struct DropsTests {
        @Test
        func `frames that a guest may not send are shown with their reason, their rule and what would allow them`()
            async throws
        {
            try await withSystem("guarded") { system in
                let h1 = try system.machine("h1")
                let mallory = try #require(GuestPlace("h1/mallory")).guest
                try h1.start(
                    role: "forger", "nsenter", ["--net=/run/netns/\(mallory)", "--", "python3", "-c", Self.forger])
                let shown = try await system.kcnet("drops", "mallory", "--follow", "--seconds", "8")
                try await h1.stop("forger", signal: SIGTERM)
                for (reason, frame) in [
                    ("spoofed-ip", "2001:db8::1 > ff02::1"), ("rogue-ra", "icmpv6 router advertisement"),
                    ("spoofed-mac", "02:00:00:00:00:99 > "), ("ethertype", " > ff:ff:ff:ff:ff:ff"),
                ] {
                    let lines = shown.split(separator: "\n").filter { $0.contains("  \(reason)  ") }
                    #expect(lines.contains { $0.contains(frame) }, "\(reason): \(frame) not in\n\(shown)")
                    let explanation = try #require(DropExplanation(rawValue: reason))
                    #expect(shown.contains("rule: \(explanation.rule)"), "\(reason)")
                    #expect(shown.contains("if it was wanted: \(explanation.advice)"), "\(reason)")
                }
            }
        }

        /// One of each kind, again and again.
        private static let forger = """
            import socket, struct, time
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("eth0", 0))
            own = s.getsockname()[4]
            local = bytes.fromhex("fe80000000000000") + bytes([own[0] ^ 2]) + own[1:3] + b"\\xff\\xfe" + own[3:]
            far = socket.inet_pton(socket.AF_INET6, "2001:db8::1")
            group = socket.inet_pton(socket.AF_INET6, "ff02::1")
            other = bytes.fromhex("020000000099")
            def packet(source, number, hops, body):
                return struct.pack(">IHBB", 6 << 28, len(body), number, hops) + source + group + body
            def frame(mac, kind, body, to=bytes.fromhex("333300000001")):
                return (to + mac + struct.pack(">H", kind) + body).ljust(60, bytes(1))
            udp = struct.pack(">HHHH", 9, 9, 8, 0)
            frames = [
                frame(own, 0x86dd, packet(far, 17, 64, udp)),
                frame(own, 0x86dd, packet(local, 58, 255, struct.pack(">BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0))),
                frame(other, 0x86dd, packet(local, 17, 64, udp)),
                frame(own, 0x0806, bytes(28), to=bytes([255] * 6)),
            ]
            while True:
                for one in frames: s.send(one)
                time.sleep(0.1)
            """
    }
}
