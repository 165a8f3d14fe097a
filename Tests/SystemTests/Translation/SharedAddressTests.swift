import Laboratory
import NetworkModel
import Testing

extension SystemTests {
    /// Attachments without a mapping, behind one IPv4 address of the gateway's pool.
    struct SharedAddressTests {
        @Test func `two guests share an address, even from the same port, and nobody begins towards them`() async throws
        {
            try await withSystem("nat64") { system in
                let scene = TranslationScene(system: system)
                for place in ["server", "narrow", "h1/web"] { try await scene.serve(on: place) }
                let server = TranslationScene.seen(TranslationScene.server)
                for mode in ["who-tcp", "who-udp"] {
                    var ports: Set<Substring> = []
                    for place in ["h1/plain", "h2/other"] {
                        let told = try await scene.talk(place, mode, server, 5000).split(separator: " ")
                        #expect(told.first.map(String.init) == TranslationScene.shared, "\(mode) of \(place): \(told)")
                        if let port = told.last { ports.insert(port) }
                    }
                    #expect(ports.count == 2, "\(mode): \(ports)")
                }
                for place in ["h1/plain", "h2/other"] {
                    // With one identifier: the second of them has to become another.
                    let echo = try await scene.ping(place, "-e 77", server)
                    #expect(echo.isSuccess, "\(echo.output)")
                    // Answers that are cut on the way to the segment, and echoes that the sender itself has cut.
                    for size in [1375, 1382, 3000] {
                        let large = try await scene.ping(place, "-s \(size)", server)
                        #expect(large.isSuccess, "\(size): \(large.output)")
                    }
                    let narrow = TranslationScene.seen(TranslationScene.narrow)
                    #expect(try await scene.talk(place, "tcp", narrow, 300_000) == "back 300000")
                    // Fragments meet again before the address is looked for; the first try may only find the path.
                    try await system.eventually("\(place) sends and gets fragments") {
                        try await scene.talk(place, "udp", narrow, 3000) == "back 3000"
                    }
                    #expect(try await scene.talk(place, "refused", server) == "refused")
                    let across = try await scene.talk(place, "who-tcp", TranslationScene.seen(TranslationScene.web))
                    #expect(across.hasPrefix("64:ff9b::c058:6300 "), "\(across)")
                }
                #expect(try await !scene.ping("client", TranslationScene.shared).isSuccess)
                let held = try await scene.inGateway("ip", "route", "show", "240.0.0.0/16")
                #expect(held.contains("nat0"))
                // Even the provider's router, which could send them there, does not reach an address of the block.
                let router = try system.machine("isp")
                try await router.ip("route", "add", "240.0.0.0/16", "via", "192.88.99.194")
                let elements = try await scene.inGateway("nft", "list", "set", "inet", "kc", "senders")
                let holder = try #require(elements.split(separator: " ").first { $0.contains("240.0.") })
                    .filter { $0.isNumber || $0 == "." }
                let told = try await scene.run("isp", "python3", "-c", Self.sourceRoute, TranslationScene.shared)
                #expect(told.output.contains("source route failed"), "\(told.output)")
                let guest = try await scene.run("isp", "ping", "-c1", "-W1", holder).output
                #expect(guest.contains("100% packet loss"), "\(guest)")
                #expect(
                    try await scene.inGateway("nft", "list", "counter", "inet", "kc", "drop-spoofed").contains(
                        "packets 1 "))
            }
        }

        /// Asks the gateway to send a datagram on by a source route, and says what ICMP answers.
        private static let sourceRoute = """
            import socket, sys
            ear = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP); ear.settimeout(2)
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.setsockopt(socket.IPPROTO_IP, 4, bytes([131, 7, 4]) + socket.inet_aton("192.88.99.194") + bytes(1))
            s.sendto(b"x", (sys.argv[1], 9))
            try:
                while ear.recv(200)[20:22] != bytes([3, 5]): pass
                print("source route failed")
            except OSError as error: print(error)
            """

        @Test func `a guest that takes all the connections it may have leaves the others theirs`() async throws {
            try await withSystem("nat64") { system in
                let scene = TranslationScene(system: system)
                try await scene.serve(on: "server")
                let server = TranslationScene.seen(TranslationScene.server)
                let answered = try #require(Int(try await scene.talk("h1/plain", "many", server, 4300)))
                #expect((3900...4032).contains(answered), "\(answered) of 4300 were answered")
                let counter = try await scene.inGateway("nft", "list", "counter", "inet", "kc", "drop-connections")
                #expect(!counter.contains("packets 0 "), "\(counter)")
                let other = try await scene.talk("h2/other", "who-udp", server)
                #expect(other.hasPrefix("\(TranslationScene.shared) "), "\(other)")
            }
        }
    }
}
