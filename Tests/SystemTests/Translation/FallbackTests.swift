import APIClient
import Laboratory
import NetworkModel
import Resources
import Testing

extension SystemTests {
    /// Where the kernel's translator cannot be loaded tayga translates.
    struct FallbackTests {
        @Test
        func `without the kernel's program tayga translates, says so, and comes back when it is killed or halted`()
            async throws
        {
            // The program is looked for beside the agent; copies of the others are alone.
            let installed = try InstalledPrograms(builtPrograms())
            defer { installed.remove() }
            // Not all is as `expected/` says: tayga does not know of guests that reach each other by IPv4 addresses.
            try await withSystem("nat64", desired: false, programs: installed.programs, warnings: ["tayga"]) { system in
                try await system.applyDesired()
                try await system.waitUntilWired(Gateway.kind, "edge")
                let status = try await system.get(Gateway.kind, "edge").status
                #expect(status?["details"]?["translator"]?.string == "tayga")
                let scene = TranslationScene(system: system)
                for place in ["server", "h1/web"] { try await scene.serve(on: place) }
                let server = TranslationScene.seen(TranslationScene.server)
                for place in ["h1/web", "h2/db", "h1/plain", "h2/other"] {
                    try await system.eventually("\(place) reaches the server") {
                        try await scene.ping(place, server).isSuccess
                    }
                }
                for mode in ["who-tcp", "who-udp"] {
                    let out = try await scene.talk("h1/web", mode, server)
                    #expect(out.hasPrefix("\(TranslationScene.web) "), "\(mode): \(out)")
                    let back = try await scene.talk("client", mode, TranslationScene.web)
                    #expect(back.hasPrefix("64:ff9b::c058:6352 "), "\(mode): \(back)")
                    for place in ["h1/plain", "h2/other"] {
                        let shared = try await scene.talk(place, mode, server, 5000)
                        #expect(shared.hasPrefix("\(TranslationScene.shared) "), "\(mode): \(shared)")
                    }
                }
                #expect(try await scene.talk("h1/web", "tcp", server, 300_000) == "back 300000")
                #expect(try await system.kcnet("explain", TranslationScene.web).contains("translator: tayga"))
                let h1 = try system.machine("h1")
                func pid() async throws -> String {
                    // Between two processes there is no such file.
                    try await h1.command("sh", ["-c", "cat /run/kc/daemons/tayga-*/pid"]).run().output
                        .filter(\.isNumber)
                }
                for signal in ["-KILL", "-STOP"] {
                    let before = try await pid()
                    try await h1.command("kill", [signal, before]).check("kill", "tayga")
                    try await system.eventually("another one translates after \(signal)", within: .seconds(30)) {
                        let now = try await pid()
                        guard !now.isEmpty, now != before else { return false }
                        return try await scene.ping("h1/web", server).isSuccess
                    }
                }
                // A new mapping: it reads its file once, so that it is another process now.
                try await system.kcnet("mapping", "delete", "db")
                try await system.kcnet(
                    "mapping", "create", "db", "--attachment", "db", "--address", "2001:db8:1:1::ff:fe00:11", "--ipv4",
                    "192.88.99.12")
                try await system.eventually("the new address is there, and the old one is not", within: .seconds(30)) {
                    let new = try await scene.ping("client", "192.88.99.12").isSuccess
                    let old = try await scene.ping("client", TranslationScene.db).isSuccess
                    return new && !old
                }
                try await system.eventually("all is well", within: .seconds(30)) {
                    try await system.phase(Gateway.kind, "edge") == "wired"
                }
                try await system.kcnet("gateway", "delete", "edge")
                try await system.eventually("it is gone with the gateway") {
                    try await !h1.command("sh", ["-c", "ls -d /run/kc/daemons/tayga-*"]).run().isSuccess
                }
            }
        }
    }
}
