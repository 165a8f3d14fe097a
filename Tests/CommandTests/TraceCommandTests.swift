import Resources
import Testing

/// What `kcnet trace` ends with, without any host: plans need none.
@Suite struct TraceCommandTests {
    @Test func `the exit code says whether it passes, is stopped, or is decided by what KC does not know`() async throws
    {
        try await Cloud.with { cloud in
            for words in [
                ["host", "create", "h1", "--vtep", "fd00::1", "--interface", "eth0"],
                ["segment", "create", "blue", "--ipam", "automatic"],
                ["attachment", "create", "web", "--segment", "blue", "--host", "h1"],
                ["attachment", "create", "router", "--segment", "blue", "--host", "h1", "--policy", "allow-all"],
                ["gateway", "create", "own", "--segment", "blue", "--attachment", "router"],
            ] {
                let run = try await Cloud.run(
                    "kcnet", words, input: nil, environment: ["KC_API": "unix:\(cloud.socket)", "HOME": cloud.folder],
                    folder: cloud.folder)
                #expect(run.status == 0, "\(words): \(run.errors)")
            }
            let cases: [(to: String, status: Int32, verdict: String)] = [
                ("router", 0, "passes"), ("outside/2001:db8:9::1", 31, "unknown"), ("192.0.2.1", 30, "stopped"),
            ]
            for (to, status, verdict) in cases {
                let run = try await cloud.kcnet("trace", "web", to, "tcp/22", "--output", "json")
                #expect(run.status == status, "\(to): \(run.output)\(run.errors)")
                #expect(try run.json()["verdict"]?.string == verdict, "\(to): \(run.output)")
            }
            let unknown = try await cloud.kcnet("trace", "web", "outside/2001:db8:9::1", "tcp/22")
            #expect(unknown.status == 31)
            #expect(unknown.lines.contains { $0.hasPrefix("  ?") && $0.contains("router") }, "\(unknown.output)")
            #expect(try await cloud.kcnet("trace", "web", "nobody").status == 3)
            #expect(try await cloud.kcnet("trace", "web", "router", "sctp/1").status == 2)
        }
    }
}
