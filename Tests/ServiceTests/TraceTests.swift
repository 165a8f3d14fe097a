import Addressing
import NetworkModel
import NetworkPlanning
import NetworkService
import Persistence
import Resources
import Testing

/// Predictions from what a server knows.
@Suite struct TraceTests {
    private static func cloud(_ service: NetworkService) async throws {
        for number in 1...3 { try await service.makeHost(number) }
        try await service.make(.pool, #"{"name":"v4","spec":{"type":"ipv4","prefix":"198.51.100.0/28"}}"#)
        for segment in ["blue", "green"] {
            try await service.make(.segment, #"{"name":"\#(segment)","spec":{"ipam":"manual"}}"#)
        }
        try await service.make(
            .gateway,
            #"""
            {"name":"edge","spec":{"type":"managed","host":"h3","segments":["blue","green"],
             "uplink":{"type":"routed","ipv4":{"address":"203.0.113.2/24","nextHop":"203.0.113.1"}},
             "nat64":{"prefix":"64:ff9b:1::/96","pool":"v4"}}}
            """#)
        try await service.make(
            .policy, #"{"name":"web","spec":{"ingress":[{"protocol":"tcp","ports":[80,443]}]}}"#)
        for (name, segment, host, policies) in [
            ("web", "blue", "h1", #"["web"]"#), ("db", "blue", "h2", #"["allow-segment"]"#),
            ("app", "green", "h2", #"["allow-segment"]"#),
        ] {
            try await service.make(
                .attachment,
                #"{"name":"\#(name)","spec":{"segment":"\#(segment)","host":"\#(host)","policies":\#(policies)}}"#)
        }
        try await service.make(.mapping, #"{"name":"public","spec":{"attachment":"web"}}"#)
    }

    private static func trace(
        _ service: NetworkService, _ from: String, _ to: String, _ flow: String, source: IPv6Address? = nil,
        at: Revision? = nil
    ) async throws -> Trace {
        let flow = try #require(TraceFlow(flow))
        return try await service.trace(
            project: "default", TraceDraft(from: from, to: to, flow: flow, source: source, at: at), for: administrator)
    }

    private static func places(_ trace: Trace, _ direction: TraceStep.Direction) -> [String] {
        trace.steps.filter { $0.direction == direction }.map { "\($0.place.rawValue) \($0.host ?? "-")" }
    }

    @Test func `IPv4 inside a segment is followed there and back, and never out of it`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await Self.cloud(service)
            try await service.make(
                .segment, #"{"name":"old","spec":{"ipam":"manual","ipv4":{"prefix":"10.7.0.0/24"}}}"#)
            for (name, host, policies) in [("x", "h1", #"["web"]"#), ("y", "h2", #"["allow-segment"]"#)] {
                try await service.make(
                    .attachment,
                    #"{"name":"\#(name)","spec":{"segment":"old","host":"\#(host)","policies":\#(policies)}}"#)
            }
            func address(_ name: String) async throws -> String {
                let item = try await service.get(.attachment, name)
                guard case .attachment(let attachment) = item.resource else { return "" }
                return attachment.assigned.ipv4.map { "\($0)" } ?? ""
            }
            let (x, y) = (try await address("x"), try await address("y"))
            let cases: [(from: String, to: String, flow: String, verdict: Trace.Verdict)] = [
                ("x", "y", "icmp", .passes), ("y", x, "tcp/443", .passes), (y, "x", "tcp/443", .passes),
                ("y", x, "tcp/22", .stopped), ("x", "10.7.0.200", "icmp", .stopped), ("web", "db", "icmp", .stopped),
                ("x", "outside/192.0.2.9", "icmp", .stopped),
            ]
            for (from, to, flow, verdict) in cases {
                let trace = try await Self.trace(service, from, to, flow)
                #expect(trace.verdict == verdict, "\(from) \(to) \(flow): \(trace)")
            }
            let trace = try await Self.trace(service, "y", x, "tcp/22")
            #expect(trace.from.address == y && trace.to.address == x, "\(trace)")
            #expect(
                trace.steps.contains { $0.mend == "kcnet policy update web --add 'tcp/22 from \(y)/32'" }, "\(trace)")
            let forged = try await Self.trace(service, "y", x, "tcp/443", source: IPv4Address(0x0a07_00fe).mapped)
            #expect(forged.steps.last?.reason == "spoofed-ip", "\(forged)")
        }
    }

    @Test func `a port whose policies have grown too large is told as closed, without being built`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await Self.cloud(service)
            // 4,096 pieces for each address of the crowd, which get more addresses than a host builds.
            let ports = (1...64).map { #""\#($0)""# }.joined(separator: ",")
            let wide = #"{"protocol":"tcp","ports":[\#(ports)],"from":[{"policy":"crowd"}]}"#
            try await service.make(.policy, #"{"name":"crowd","spec":{}}"#)
            try await service.make(
                .policy,
                #"{"name":"wide","spec":{"ingress":[\#(Array(repeating: wide, count: 64).joined(separator: ","))]}}"#)
            try await service.make(.segment, #"{"name":"m","spec":{"ipam":"manual","prefix":"fd00:1::/64"}}"#)
            func member(_ count: Int) -> String {
                let addresses = (1...count).map { #""fd00:1::1\#($0)""# }.joined(separator: ",")
                return
                    #"{"name":"m","spec":{"segment":"m","host":"h2","policies":["crowd"],"addresses":[\#(addresses)]}}"#
            }
            try await service.make(.attachment, member(2))
            try await service.make(
                .attachment,
                #"{"name":"w","spec":{"segment":"m","host":"h1","policies":["wide"],"addresses":["fd00:1::2"]}}"#)
            #expect(try await Self.trace(service, "m", "w", "tcp/9").verdict == .passes)
            try await service.put(.attachment, "m", member(5))
            let trace = try await Self.trace(service, "m", "w", "tcp/9")
            #expect(trace.verdict == .stopped)
            #expect(trace.steps.last?.reason == "not-ready", "\(trace)")
            #expect(trace.steps.last?.text.contains("20480 pieces") == true, "\(trace)")
            #expect(try await Self.trace(service, "w", "m", "tcp/9").steps.last?.text.contains("20480 pieces") == true)
        }
    }

    @Test func `a flow goes from port to port by the tunnel, and its answer comes back`() async throws {
        try await TestServer.with { server in
            try await Self.cloud(server.service)
            let trace = try await Self.trace(server.service, "db", "web", "tcp/443")
            #expect(trace.verdict == .passes, "\(trace)")
            #expect(
                Self.places(trace, .there) == [
                    "guest -", "port h2", "tunnel h2", "tunnel h1", "bridge h1", "port h1", "guest h1",
                ])
            #expect(Self.places(trace, .back).last == "guest h2")
            #expect(trace.steps.contains { $0.text.contains("policy web rule 1 lets it in") })
            let other = try await Self.trace(server.service, "web", "db", "tcp/443")
            #expect(other.steps.last { $0.place == .port }?.text.contains("the answer of a connection") == true)
            // Read again it is the same; without what is the operator's it names no host, device, rule or VNI.
            #expect(try Trace(json: JSONParser.parse(trace.json), path: "") == trace)
            let text = String(decoding: trace.forProject.json, as: UTF8.self)
            for word in ["h1", "h2", "kct", "kcx", "kcb", "bridge kc", "from-port", "2001:db8::1"] {
                #expect(!text.contains("\"\(word)\"") && !text.contains("\(word)\","), "\(word) in \(text)")
            }
            #expect(!text.contains("VNI") && !text.contains("tunnel"))
            // Neither is told who is there of a project that is not the asker's.
            let stranger = Principal.identity(
                Identity(name: "user/s", grants: Grants()))
            await expectProblem(.notFound, field: "from") {
                let draft = TraceDraft(from: "db", to: "web", flow: .tcp(443))
                _ = try await server.service.trace(project: "default", draft, for: stranger)
            }
        }
    }

    @Test func `what stops a flow is named, with the element that is missing and a command that lets it through`()
        async throws
    {
        try await TestServer.with { server in
            let service = server.service
            try await Self.cloud(service)
            let denied = try await Self.trace(service, "db", "web", "tcp/22")
            let stop = try #require(denied.steps.last)
            #expect(denied.verdict == .stopped)
            #expect(stop.place == .port && stop.reason == "policy" && stop.host == "h1")
            #expect(stop.mend?.hasPrefix("kcnet policy update web --add 'tcp/22 from ") == true)
            #expect(stop.missing.contains { $0.hasPrefix("ingress { ") })
            #expect(stop.rules.contains { $0.chain == "arrive-rule" })
            let foreign = try #require(IPv6Address("2001:db8:dead::1"))
            let spoofed = try await Self.trace(service, "db", "web", "tcp/443", source: foreign)
            #expect(spoofed.steps.last?.reason == "spoofed-ip")
            #expect(spoofed.steps.last?.missing.contains { $0.hasPrefix("own { ") } == true)
            let advertisement = try await Self.trace(service, "db", "web", "icmpv6/134")
            #expect(advertisement.steps.last?.reason == "rogue-ra")
        }
    }

    @Test func `gateways are crossed, from segment to segment, outside and to the IPv4 world`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await Self.cloud(service)
            let between = try await Self.trace(service, "app", "web", "tcp/80")
            #expect(between.verdict == .passes, "\(between)")
            #expect(between.steps.contains { $0.place == .router && $0.text.contains("segment blue") })
            #expect(Self.places(between, .back).contains("firewall h3"))
            // Nobody of another segment is a member.
            let denied = try await Self.trace(service, "web", "app", "tcp/80")
            #expect(denied.steps.last?.reason == "policy" && denied.steps.last?.host == "h2")
            let out = try await Self.trace(service, "db", "outside", "udp/53")
            #expect(out.verdict == .passes)
            #expect(out.steps.contains { $0.text == "out by the uplink of gateway edge" })
            #expect(Self.places(out, .back).last == "guest h2")
            let ipv4 = try await Self.trace(service, "web", "192.0.2.9", "tcp/443")
            #expect(ipv4.steps.contains { $0.text.contains("198.51.100.") && $0.text.contains("by its mapping") })
            #expect(ipv4.verdict == .passes, "\(ipv4)")
            let shared = try await Self.trace(service, "db", "192.0.2.9", "tcp/443")
            #expect(shared.steps.contains { $0.text.contains("share") })
            let mapped = try await Self.trace(service, "192.0.2.9", "web", "tcp/443")
            #expect(mapped.verdict == .passes, "\(mapped)")
            let unmapped = try await Self.trace(service, "192.0.2.9", "db", "tcp/443")
            #expect(unmapped.steps.last?.reason == "unmapped")
        }
    }

    @Test func `an earlier revision has the plans of then`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await Self.cloud(service)
            let before = service.cache.revision
            try await service.put(
                .policy, "web", #"{"name":"web","spec":{"ingress":[{"protocol":"tcp","ports":[8080]}]}}"#)
            #expect(try await Self.trace(service, "db", "web", "tcp/443").verdict == .stopped)
            let then = try await Self.trace(service, "db", "web", "tcp/443", at: before)
            #expect(then.verdict == .passes && then.revision == before)
            await expectProblem(.invalidField, field: "at") {
                _ = try await Self.trace(service, "db", "web", "tcp/443", at: Revision(1 << 40))
            }
        }
    }

    @Test func `ends that are none are refused, and an end without a host is where it stops`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await Self.cloud(service)
            try await service.make(.attachment, #"{"name":"loose","spec":{"segment":"blue"}}"#)
            await expectProblem(.notFound, field: "to") { _ = try await Self.trace(service, "db", "nobody", "icmpv6") }
            await expectProblem(.conflict, field: "to") { _ = try await Self.trace(service, "db", "db", "icmpv6") }
            await expectProblem(.conflict, field: "from") {
                _ = try await Self.trace(service, "outside", "2001:db8:ff::1", "icmpv6")
            }
            let loose = try await Self.trace(service, "db", "loose", "icmpv6")
            #expect(loose.verdict == .stopped && loose.steps.last?.reason == "unbound", "\(loose)")
        }
    }

    // MARK: Frames that were dropped

    private static func frame(
        _ flow: String, from source: String, to destination: String, mac: MACAddress,
        _ direction: DroppedFrame.Direction,
        _ reason: String
    ) throws -> DroppedFrame {
        let (flow, source) = (try #require(TraceFlow(flow)), try #require(IPv6Address(source)))
        let packet = WayPacket(flow, fromPort: 40_000, from: source, to: try #require(IPv6Address(destination)))
        let bytes = packet.frame(to: MACAddress(0x0200_0000_00ee), from: mac)
        return DroppedFrame(
            number: 1, time: Timestamp(milliseconds: 0), reason: reason, direction: direction, length: bytes.count,
            bytes: Array(bytes.prefix(DroppedFrame.maximumBytes)))
    }

    @Test func `a dropped frame is explained: the rule, the element, whose it is, and what lets it through`()
        async throws
    {
        try await TestServer.with { server in
            let service = server.service
            try await Self.cloud(service)
            func end(_ name: String) async throws -> (mac: MACAddress, address: String) {
                let item = try await service.get(.attachment, name)
                let text = try item.text("status", "mac") ?? ""
                let mac = try #require(MACAddress(text))
                let trace = try await Self.trace(service, name, "outside", "icmpv6")
                return (mac, trace.from.address)
            }
            let (web, db, app) = (try await end("web"), try await end("db"), try await end("app"))
            let router = MACAddress(0x0200_0000_0001)
            func explain(_ frame: DroppedFrame, at name: String) async throws -> FrameExplanation {
                try await service.explain(frame, project: "default", attachment: name)
            }
            let denied = try await explain(
                Self.frame("tcp/22", from: app.address, to: web.address, mac: router, .to, "policy"), at: "web")
            #expect(denied.step.reason == "policy" && denied.sender == .project && denied.name == "app")
            #expect(denied.step.missing.contains { $0.hasPrefix("ingress { ") })
            #expect(denied.step.mend == "kcnet policy update web --add 'tcp/22 from \(app.address)/128'")
            #expect(denied.suspicion == nil)
            let foreign = try await explain(
                Self.frame("udp/53", from: web.address, to: app.address, mac: db.mac, .from, "spoofed-ip"), at: "db")
            #expect(foreign.step.verdict == .stopped && foreign.sender == .itself && foreign.step.mend == nil)
            #expect(foreign.suspicion?.contains("which is 'web''s") == true, "\(foreign)")
            let virtual = try await explain(
                Self.frame("udp/53", from: "2001:db8:77::1", to: app.address, mac: db.mac, .from, "spoofed-ip"),
                at: "db")
            #expect(virtual.step.reason == "spoofed-ip" && virtual.suspicion == nil)
            #expect(virtual.step.missing.contains { $0.hasPrefix("own { ") })
            #expect(
                virtual.step.mend?.hasSuffix("kcnet attachment update db --allow-address 2001:db8:77::1/128") == true)
            let advertisement = try await explain(
                Self.frame("icmpv6/134", from: db.address, to: web.address, mac: db.mac, .from, "rogue-ra"), at: "db")
            #expect(advertisement.step.reason == "rogue-ra" && advertisement.suspicion?.contains("router") == true)
            let passing = try await explain(
                Self.frame("tcp/443", from: app.address, to: web.address, mac: router, .to, "rate"), at: "web")
            #expect(passing.step.verdict == .passes)
            try await Self.tenant(service, denied, web.address)
        }
    }

    /// Of another project it is said that it is another tenant's, and to whom it may be said, whose.
    private static func tenant(_ service: NetworkService, _ own: FrameExplanation, _ address: String) async throws {
        try await service.make(.project, #"{"name":"shop","spec":{}}"#)
        for (kind, json) in [
            (Kind.segment, #"{"name":"red","spec":{"ipam":"manual"}}"#),
            (.attachment, #"{"name":"mallory","spec":{"segment":"red","host":"h1"}}"#),
        ] {
            _ = try await service.create(
                kind, project: "shop", JSONParser.parse(Array(json.utf8)), by: administrator)
        }
        let draft = TraceDraft(from: "mallory", to: "outside", flow: .icmpv6(type: 128))
        let mallory = try await service.trace(project: "shop", draft, for: administrator).from.address
        let explained = try await service.explain(
            frame("tcp/22", from: mallory, to: address, mac: MACAddress(0x0200_0000_0001), .to, "policy"),
            project: "default", attachment: "web")
        #expect(explained.sender == .tenant && explained.name == "shop/mallory", "\(explained)")
        #expect(explained.suspicion?.contains("another tenant") == true)
        #expect(explained.forProject.name == nil && explained.forProject.step.rules.isEmpty)
        #expect(own.forProject.name == "app")
    }
}
