import Glibc
import Laboratory
import NetworkModel
import Resources
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
                async let following = system.kcnet("drops", "mallory", "--follow", "--seconds", "8")
                try await system.eventually("somebody hears the kernel's log of drops") {
                    try await isHeard(on: h1)
                }
                // Each of these takes an agent's answer, of which the follower gets one as well.
                try await expectReasons(system)
                try await expectEvidence(system)
                try await h1.stop("node", signal: SIGKILL)
                try h1.restart("node")
                let shown = try await following
                #expect(
                    shown.split(separator: "\n").count {
                        $0 == "--  the agent was started anew: what was dropped meanwhile is counted, and not shown"
                    } == 1, "\(shown)")
                #expect(shown.contains("not there: own { \""), "the element is not in\n\(shown)")
                #expect(shown.contains("drop-spoofed-ip "), "the rule is not in\n\(shown)")
                try await system.settle()
                try await h1.stop("forger", signal: SIGTERM)
                try await expectPredictions(system)
                for (reason, frame) in [
                    ("spoofed-ip", "2001:db8::1 > ff02::1"), ("rogue-ra", "icmpv6 router advertisement"),
                    ("spoofed-mac", "02:00:00:00:00:99 > "), ("ethertype", " > ff:ff:ff:ff:ff:ff"),
                ] {
                    let lines = shown.split(separator: "\n").filter { $0.contains("  \(reason)  ") }
                    #expect(lines.contains { $0.contains(frame) }, "\(reason): \(frame) not in\n\(shown)")
                    let explanation = try #require(DropExplanation(rawValue: reason))
                    #expect(shown.contains("rule: \(explanation.rule)"), "\(reason)")
                    let advice =
                        reason == "spoofed-ip"
                        ? "for a router or a virtual address: kcnet attachment update mallory --allow-address 2001:db8::1/128"
                        : String(explanation.advice.prefix { $0 != ":" })
                    #expect(shown.contains("if it was wanted: \(advice)"), "\(reason) in\n\(shown)")
                }
            }
        }

        /// nfnetlink_log has a line for each group that somebody hears; the first column is the group.
        private func isHeard(on machine: Machine) async throws -> Bool {
            let text = try await machine.command("cat", ["/proc/net/netfilter/nfnetlink_log"]).check("read", "the log")
            return text.split(separator: "\n").contains { $0.split(separator: " ").first == "27" }
        }

        /// The rule and the missing elements of each kind of frame, for programs.
        private func expectEvidence(_ system: System) async throws {
            let text = try await system.kcnet("drops", "mallory", "--follow", "--seconds", "1", "--output", "json")
            var missing: [String] = []
            for line in text.split(separator: "\n") {
                guard case .array(let list)? = try JSONParser.parse(Array(line.utf8))["explanations"]?.content else {
                    continue
                }
                for entry in list {
                    guard case .array(let elements)? = entry["explanation"]?["step"]?["missing"]?.content else {
                        continue
                    }
                    missing += elements.compactMap(\.string)
                }
            }
            #expect(missing.contains { $0.hasPrefix("own { ") && $0.contains("2001:db8::1") }, "\(missing) of \(text)")
        }

        /// What `kcnet why` says of the same frames, as programs read it.
        private func expectReasons(_ system: System) async throws {
            let text = try await system.kcnet("why", "mallory", "--seconds", "1", "--output", "json")
            guard case .array(let causes) = try JSONParser.parse(Array(text.utf8)).content else {
                Issue.record("no list: \(text)")
                return
            }
            let reasons = Dictionary(grouping: causes) { $0["reason"]?.string ?? "" }
            for reason in ["spoofed-ip", "rogue-ra", "spoofed-mac", "ethertype"] {
                let cause = try #require(reasons[reason]?.first, "\(reason): \(text)")
                #expect(cause["last"]?["reason"]?.string == reason)
                #expect(cause["explanation"]?["step"]?["verdict"]?.string == "stopped", "\(cause.raw)")
                if case .number(let count)? = cause["frames"]?.content { #expect(UInt64(count) ?? 0 > 0) }
            }
            let nobody = try await run(system, "why", "nobody")
            #expect(nobody.status == 3)
        }

        /// What `kcnet trace` ends with, and what it says to programs.
        private func expectPredictions(_ system: System) async throws {
            for (arguments, status, verdict) in [
                (["mallory", "victim", "tcp/22"], 0, "passes"),
                (["mallory", "victim", "tcp/22", "--source", "2001:db8:9::1"], 30, "stopped"),
                (["mallory", "nobody"], 3, nil), (["mallory", "victim", "sctp/1"], 2, nil),
            ] as [([String], Int32, String?)] {
                let result = try await run(system, ["trace"] + arguments + ["--output", "json"])
                #expect(result.status == status, "\(arguments): \(result.complaint)")
                guard let verdict else { continue }
                let trace = try JSONParser.parse(Array(result.output.utf8))
                #expect(trace["verdict"]?.string == verdict)
                guard case .array(let steps)? = trace["steps"]?.content else {
                    Issue.record("no steps: \(result.output)")
                    continue
                }
                #expect(steps.first?["place"]?.string == "guest")
                #expect((steps.last?["reason"]?.string == "spoofed-ip") == (status == 30), "\(result.output)")
            }
        }

        private func run(_ system: System, _ arguments: String...) async throws -> Command.Result {
            try await run(system, arguments)
        }

        private func run(_ system: System, _ arguments: [String]) async throws -> Command.Result {
            try await Command(
                system.programs.kcnet, arguments + ["--api", "unix:\(system.laboratory.state.apiSocket)"]
            ).run()
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
