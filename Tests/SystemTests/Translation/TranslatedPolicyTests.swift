import Laboratory
import NetworkModel
import Testing

extension SystemTests {
    /// Policies that name prefixes of the IPv4 world, by what they become in the segment.
    struct TranslatedPolicyTests {
        @Test(arguments: ["attachment", "gateway"])
        func `a policy lets in one IPv4 prefix and not another`(_ holder: String) async throws {
            try await withSystem("nat64") { system in
                let scene = TranslationScene(system: system)
                try await scene.serve(on: "h1/web")
                try await scene.serve(on: "server")
                for place in ["client", "server"] {
                    let told = try await scene.talk(place, "who-tcp", TranslationScene.web)
                    #expect(told.hasPrefix("64:ff9b::"), "\(place) before: \(told)")
                }
                // 192.88.99.80/28: 32 - 28 = 4 bits less than an address.
                try await system.kcnet(
                    "policy", "create", "clients", "--allow", "tcp/7007 from 64:ff9b::c058:6350/124")
                let name = holder == "gateway" ? "edge" : "web"
                try await system.kcnet(holder, "update", name, "--policy", "clients")
                try await system.eventually("the server's prefix is kept out") {
                    try await scene.talk("server", "who-tcp", TranslationScene.web).isEmpty
                }
                let told = try await scene.talk("client", "who-tcp", TranslationScene.web)
                #expect(told.hasPrefix("64:ff9b::c058:6352 "), "\(told)")
                // Answers come back, whoever gives them.
                let answer = try await scene.talk(
                    "h1/web", "who-tcp", TranslationScene.seen(TranslationScene.server))
                #expect(answer.hasPrefix("\(TranslationScene.web) "), "\(answer)")
            }
        }
    }
}
