import APIClient
import Addressing
import Glibc
import Laboratory
import NetworkModel
import Resources
import Testing

extension SystemTests {
    /// IPv4 inside a segment: stock clients, the real Kea, two hosts, and one who poses as others.
    struct SegmentIPv4Tests {
        private func address(_ name: String, in system: System) async throws -> String {
            let node = try await system.get(Attachment.kind, name).status?["addresses"]
            guard case .array(let addresses)? = node?.content else { return "" }
            return addresses.compactMap { $0["value"]?.string }.first { $0.contains(".") } ?? ""
        }

        private func inGuest(_ place: String, in system: System, _ program: String, _ words: [String]) async throws
            -> Command.Result
        {
            let place = try #require(GuestPlace(place))
            return try await system.laboratory.machine(place.host).command(
                inGuest: place.guest, program, words, timeout: .seconds(30)
            ).run()
        }

        private func ping(_ place: String, _ address: String, in system: System) async throws -> Bool {
            try await inGuest(place, in: system, "ping", ["-4", "-n", "-c", "1", "-W", "1", address]).isSuccess
        }

        @Test func `guests with IPv4 get what the API told, reach each other, and nobody poses as another`()
            async throws
        {
            try await withSystem("ipv4") { system in
                let (alice, bob) = (try await address("alice", in: system), try await address("bob", in: system))
                let told = try await StockClient("h1/alice", in: system).bindIPv4(with: .dhclient)
                #expect(told.contains("new_ip_address=\(alice)\n") && told.contains("new_interface_mtu=1430\n"))
                #expect(!told.contains("new_routers="))
                try await StockClient("h2/bob", in: system).bindIPv4(with: .dhcpcd)
                let own = try await inGuest("h2/bob", in: system, "ip", ["-4", "-br", "address", "show", "eth0"])
                #expect(own.output.contains(" \(bob)/24"), "\(own.output)")
                let list = try await system.kcnet("lease", "list")
                #expect(list.contains(" \(alice) ") && list.contains(" \(bob) "), "\(list)")
                let explained = try await system.kcnet("explain", alice)
                #expect(explained.contains("attachment 'alice' inside segment 'old'"), "\(explained)")
                try await system.eventually("they reach each other across hosts") {
                    try await ping("h1/alice", bob, in: system)
                }
                #expect(try await ping("h1/alice", "10.7.0.1", in: system), "the gateway answers echoes")
                try await requireNoIPv4(in: system)
                try await requirePolicy(alice: alice, bob: bob, in: system)
                let guarded = try await forged(in: system, alice: alice)
                #expect(guarded == ["arp": 0, "probe": 0, "source": 0, "server": 0, "honest": 10], "\(guarded)")
                // What checks senders, switched off on a host that is left alone: the same frames arrive.
                try await system.kcnet("host", "update", "h1", "--paused")
                try await system.eventually("without the guard every kind arrives, so the test can fail") {
                    try await system.machine("h1").command(
                        "nft",
                        ["insert", "rule", "bridge", "kc", "from-port", "iifname", "kct*", "meta", "mark", "set"]
                            + ["0x6b630000", "accept"]
                    ).check("open", "guard")
                    return try await forged(in: system, alice: alice).values.allSatisfy { $0 > 0 }
                }
            }
        }

        /// On a segment without IPv4 two guests that have addresses of their own making do not reach each other.
        private func requireNoIPv4(in system: System) async throws {
            for (place, address) in [("h1/carol", "10.7.0.98"), ("h2/dora", "10.7.0.99")] {
                let set = try await inGuest(
                    place, in: system, "ip", ["address", "add", "\(address)/24", "dev", "eth0"])
                #expect(set.isSuccess)
            }
            #expect(try await !ping("h1/carol", "10.7.0.99", in: system))
            let drops = try await system.kcnet("drops", "carol")
            #expect(drops.contains("ethertype"), "\(drops)")
        }

        /// A policy with an IPv4 address lets that one in, with what it is answered, and no other.
        private func requirePolicy(alice: String, bob: String, in system: System) async throws {
            try await system.kcnet("policy", "create", "web", "--allow", "tcp/80", "--from", alice)
            try await system.kcnet("attachment", "update", "bob", "--policy", "web")
            let place = try #require(GuestPlace("h2/bob"))
            let h2 = try system.machine("h2")
            try h2.start(
                role: "web", "nsenter", ["--net=/run/netns/\(place.guest)", "--", "python3", "-c", Self.server])
            func reaches(_ place: String) async throws -> Bool {
                try await inGuest(
                    place, in: system, "python3",
                    ["-c", "import socket; print(socket.create_connection(('\(bob)', 80), 2).recv(9))"]
                ).isSuccess
            }
            try await system.eventually("whom the policy names") { try await reaches("h1/alice") }
            let set = try await inGuest(
                "h1/mallory", in: system, "ip", ["address", "replace", "10.7.0.66/24", "dev", "eth0"])
            #expect(set.isSuccess)
            #expect(try await ping("h1/mallory", bob, in: system), "echoes always pass")
            #expect(try await !reaches("h1/mallory"))
            try await h2.stop("web", signal: SIGTERM)
        }

        /// Mallory sends ten frames of each kind to all; what of them alice gets.
        private func forged(in system: System, alice: String) async throws -> [String: Int] {
            let h1 = try system.machine("h1")
            try await h1.command("rm", ["-f", "/run/kc/listening"]).check("begin", "listener")
            async let heard = inGuest("h1/alice", in: system, "python3", ["-c", Self.listener])
            try await system.eventually("alice listens") {
                try await h1.command("test", ["-e", "/run/kc/listening"]).run().isSuccess
            }
            _ = try await inGuest("h1/mallory", in: system, "python3", ["-c", Self.forger, alice])
            return try await heard.output.split(separator: "\n").reduce(into: [:]) { counts, line in
                let words = line.split(separator: " ")
                if words.count == 2 { counts[String(words[0])] = Int(words[1]) }
            }
        }

        private static let server = """
            import socket
            s = socket.create_server(("", 80))
            while True: c, _ = s.accept(); c.sendall(b"hello"); c.close()
            """

        /// Counts marked frames until the last of them came, or for five seconds.
        private static let listener = """
            import socket, time
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.bind(("eth0", 3)); s.settimeout(0.2)
            open("/run/kc/listening", "w")
            names = [b"arp", b"probe", b"source", b"server", b"honest"]
            counts, end = dict.fromkeys(names, 0), time.time() + 5
            while time.time() < end and counts[b"honest"] < 10:
                try: frame = s.recv(2000)
                except TimeoutError: continue
                for name in names: counts[name] += b"kc-" + name in frame
            for name in names: print(name.decode(), counts[name])
            """

        private static let forger = """
            import socket, struct, sys, time
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("eth0", 0))
            mac, all = s.getsockname()[4], bytes([255] * 6)
            own, alice = socket.inet_aton("10.7.0.66"), socket.inet_aton(sys.argv[1])
            def arp(sender, target, operation, mark):
                body = struct.pack(">HHBBH", 1, 0x800, 6, 4, operation) + mac + sender + bytes(6) + target
                return all + mac + b"\\x08\\x06" + body + mark
            def udp(source, ports, mark):
                body = struct.pack(">HHHH", *ports, 8 + len(mark), 0) + mark
                head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, 17, 0) + source + bytes([255] * 4)
                sum = 0
                for word in struct.unpack(">10H", head): sum += word
                while sum > 0xffff: sum = (sum & 0xffff) + (sum >> 16)
                return all + mac + b"\\x08\\x00" + head[:10] + struct.pack(">H", sum ^ 0xffff) + head[12:] + body
            for _ in range(10):
                time.sleep(0.1)  # the pace of the attack: ten rounds a second
                for frame in [
                    arp(alice, alice, 2, b"kc-arp"), arp(bytes(4), alice, 1, b"kc-probe"),
                    udp(alice, (9, 9), b"kc-source"), udp(own, (67, 68), b"kc-server"), udp(own, (9, 9), b"kc-honest"),
                ]: s.send(frame)
            """
    }
}
