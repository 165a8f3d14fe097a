import Laboratory
import NetworkModel
import Testing

extension SystemTests {
    /// Attachments with an IPv4 address each, through the gateway that the agent made.
    struct MappingTests {
        @Test func `guests with a mapping and the IPv4 world reach each other, and so do two of them`() async throws {
            try await withSystem("nat64") { system in
                let scene = TranslationScene(system: system)
                for place in ["server", "h1/web", "h2/db"] { try await scene.serve(on: place) }
                for mode in ["who-tcp", "who-udp"] {
                    let out = try await scene.talk("h1/web", mode, TranslationScene.seen(TranslationScene.server))
                    #expect(out.hasPrefix("\(TranslationScene.web) "), "\(mode): \(out)")
                    let back = try await scene.talk("client", mode, TranslationScene.web)
                    #expect(back.hasPrefix("64:ff9b::c058:6352 "), "\(mode): \(back)")
                    let across = try await scene.talk("h1/web", mode, TranslationScene.seen(TranslationScene.db))
                    #expect(across.hasPrefix("64:ff9b::c058:630a "), "\(mode): \(across)")
                }
                try system.machine("h2").start(
                    role: "pages", "nsenter",
                    [
                        "--net=/run/netns/db", "--", "python3", "-m", "http.server", "--bind", "::", "--directory",
                        "/etc", "8080",
                    ])
                try await system.eventually("a stock client of the IPv4 world has a page of a guest") {
                    try await scene.run(
                        "client", "curl", "-sf", "--max-time", "5", "http://\(TranslationScene.db):8080/passwd"
                    ).output.contains("root:")
                }
            }
        }

        @Test func `errors arrive with what they are about, from either side`() async throws {
            try await withSystem("nat64") { system in
                let scene = TranslationScene(system: system)
                // A connected socket hears of an error only when what it quotes is what the socket had sent.
                #expect(
                    try await scene.talk("h1/web", "refused", TranslationScene.seen(TranslationScene.server))
                        == "refused")
                #expect(try await scene.talk("client", "refused", TranslationScene.web) == "refused")
                let path = try await scene.run(
                    "h1/web", "traceroute6", "-n", "-q1", "-w2", TranslationScene.seen(TranslationScene.server)
                ).output
                let hops = path.split(separator: "\n").dropFirst().compactMap {
                    $0.split(separator: " ").dropFirst().first
                }
                // The gateway, the router beyond it, the server.
                #expect(hops.count == 3, "\(path)")
                #expect(hops.dropFirst().map(String.init) == ["64:ff9b::c058:63c1", "64:ff9b::c058:6342"], "\(path)")
                let near = try await scene.ping("client", "-t1", TranslationScene.web).output
                #expect(near.contains("From 192.88.99.81") && near.contains("Time to live exceeded"), "\(near)")
                let gateway = try await scene.ping("client", "-t2", TranslationScene.web).output
                #expect(
                    gateway.contains("From 192.88.99.194") && gateway.contains("Time to live exceeded"), "\(gateway)")
                #expect(try await scene.ping("client", "-t3", TranslationScene.web).isSuccess)
                // An address of the pool that nobody has goes no circles between the gateway and its provider.
                let nobody = try await scene.ping("client", "192.88.99.20").output
                #expect(!nobody.contains("Time to live exceeded") && nobody.contains("100% packet loss"), "\(nobody)")
            }
        }

        @Test func `a path of 1280 bytes is found, and fragments arrive both ways`() async throws {
            try await withSystem("nat64") { system in
                let scene = TranslationScene(system: system)
                for place in ["narrow", "h1/web"] { try await scene.serve(on: place) }
                let narrow = TranslationScene.seen(TranslationScene.narrow)
                // 1280 bytes of IPv4 are 1300 of IPv6.
                let tooBig = try await scene.ping("h1/web", "-s1352 -M do", narrow).output
                #expect(tooBig.contains("Packet too big: mtu=1300"), "\(tooBig)")
                #expect(try await scene.ping("h1/web", "-s1252 -M do", narrow).isSuccess)
                // The segment has 1430, which is 1410 of IPv4; the route keeps room for a Fragment header.
                let tooBigBack = try await scene.ping("client", "-s1440 -M do", TranslationScene.web).output
                #expect(tooBigBack.contains("mtu = 14"), "\(tooBigBack)")
                #expect(try await scene.talk("h1/web", "tcp", narrow, 300_000) == "back 300000")
                #expect(try await scene.talk("narrow", "tcp", TranslationScene.web, 300_000) == "back 300000")
                for size in [1300, 3000, 8000] {
                    #expect(
                        try await scene.talk("narrow", "udp-fragments", TranslationScene.web, size) == "back \(size)")
                    #expect(try await scene.talk("h1/web", "udp", narrow, size) == "back \(size)")
                }
                #expect(try await scene.talk("narrow", "udp-plain", TranslationScene.web, 900) == "back 900")
            }
        }
    }
}
