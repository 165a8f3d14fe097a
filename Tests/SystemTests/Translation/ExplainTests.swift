import APIClient
import Laboratory
import NetworkModel
import Resources
import Testing

extension SystemTests {
    /// `kcnet explain`, and what it is told from.
    struct ExplainTests {
        @Test func `an address is explained both ways with what went through it`() async throws {
            try await withSystem("nat64") { system in
                let scene = TranslationScene(system: system)
                let server = TranslationScene.seen(TranslationScene.server)
                #expect(try await scene.ping("h1/web", server).isSuccess)
                #expect(try await scene.ping("client", TranslationScene.web).isSuccess)
                let table = try await system.kcnet("explain", TranslationScene.web)
                #expect(table.contains("attachment 'web', by mapping 'web' at gateway 'edge'"), "\(table)")
                #expect(table.contains("translator: kernel"), "\(table)")
                func explain(_ address: String) async throws -> JSONNode {
                    let text = try await system.kcnet("explain", address, "--output", "json")
                    let node = try JSONParser.parse(Array(text.utf8))
                    guard case .array(let all) = node.content else { return node }
                    return try #require(all.first)
                }
                func packets(_ node: JSONNode, _ direction: String) -> Int {
                    node[direction]?["packets"].flatMap { Int(String(decoding: $0.raw, as: UTF8.self)) } ?? -1
                }
                // The IPv4 address, what guests see of it, and the attachment's own are one.
                var before: JSONNode?
                for address in [
                    TranslationScene.web, TranslationScene.seen(TranslationScene.web), "2001:db8:1:1::ff:fe00:10",
                ] {
                    let node = try await explain(address)
                    #expect(node["way"]?.string == "mapping" && node["attachment"]?.string == "web", "\(node)")
                    #expect(node["ipv4"]?.string == TranslationScene.web)
                    #expect(packets(node, "sent") >= 2 && packets(node, "received") >= 2, "\(node)")
                    before = node
                }
                for _ in 1...3 { #expect(try await scene.ping("h1/web", server).isSuccess) }
                let after = try await explain(TranslationScene.web)
                let known = try #require(before)
                #expect(packets(after, "sent") == packets(known, "sent") + 3)
                #expect(packets(after, "received") == packets(known, "received") + 3)

                let plain = try await system.address(of: "h1/plain")
                let shared = try await explain("\(plain)")
                #expect(shared["way"]?.string == "shared" && shared["ipv4"]?.string == TranslationScene.shared)
                #expect(try await explain(TranslationScene.shared)["way"]?.string == "shared")
                let outside = try await explain(TranslationScene.server)
                #expect(outside["way"]?.string == "outside" && outside["seen"]?.string == "64:ff9b::c058:6342")
                #expect(try await system.kcnet("explain", "10.1.2.3").contains("is not global"))

                // What is dropped has a reason: a sender whose address is not one of the segment's has no mapping.
                _ = try await scene.ping("h1/web", TranslationScene.seen("10.1.2.3"))
                try await system.eventually("it is counted") {
                    try await explain(TranslationScene.web)["counters"]?["notGlobal"] != nil
                }
                let id = try await system.get(Gateway.kind, "edge").id
                try await system.eventually("and for Prometheus", within: .seconds(40)) {
                    let text = try await system.machine("h1").command("cat", ["/run/kc/metrics/node.prom"]).run().output
                    return text.contains(#"kc_nat64_drops_total{gateway="\#(id)",reason="notGlobal"}"#)
                        && text.contains(
                            #"kc_nat64_mapping_packets_total{gateway="\#(id)",ipv4="192.88.99.10",direction="sent"}"#)
                }
            }
        }
    }
}
