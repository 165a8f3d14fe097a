import APIClient
import Addressing
import Documents
import Foundation
import NetworkModel
import Resources
import Testing

/// Policies, limits and drops as an engineer types and reads them.
@Suite(.serialized) struct `kcnet policies and drops` {
    @Test func `a policy is made, read, changed rule by rule, and never the built-in ones`() async throws {
        try await Cloud.with { cloud in
            try await cloud.kcnet("policy", "create", "clients")
            var run = try await cloud.kcnet(
                "policy", "create", "web", "--allow", "tcp/80,443", "--allow", "udp/443 from fd00:5::7 rate 100 log",
                "--from", "2001:db8::/32,clients", "--allow-out", "tcp/443")
            #expect(run.status == 0, "\(run.errors)")
            let rules = "tcp/80,443 from 2001:db8::/32,clients; udp/443 from fd00:5::7/128 rate 100 log"
            #expect(run.lines.last == "web   \(rules)  tcp/443")
            run = try await cloud.kcnet("policy", "update", "web", "--add", "icmpv6/128,129", "--remove", "1")
            #expect(run.status == 0, "\(run.errors)")
            run = try await cloud.kcnet("policy", "show", "web")
            #expect(
                run.lines.suffix(5) == [
                    "may come in:", "  1  udp/443 from fd00:5::7/128 rate 100 log", "  2  icmpv6/128,129",
                    "may leave:", "  1  tcp/443",
                ], "\(run.output)")
            run = try await cloud.kcnet("policy", "update", "web", "--unset", "egress")
            #expect(run.lines.last?.hasSuffix("everything") == true)
            run = try await cloud.kcnet("policy", "update", "web", "--deny-out")
            #expect(run.lines.last?.hasSuffix("nothing") == true)
            run = try await cloud.kcnet("policy", "diff", "web")
            #expect(run.status == 0 && run.lines.count > 1)
            run = try await cloud.kcnet("policy", "restore", "web", "--generation", "1")
            #expect(run.lines.last?.contains("clients") == true)
            run = try await cloud.kcnet("policy", "update", "web", "--remove", "-1")
            #expect(
                run.status == 2 && run.errors.contains("--remove -1: the rules there are numbered"), "\(run.errors)")
            let many = try cloud.write(
                "many.yaml",
                "kind: policy\nname: many\nspec:\n  ingress:\n"
                    + (1...40).map { "    - {protocol: tcp, ports: [\(10_000 + $0)]}\n" }.joined())
            try await cloud.kcnet("apply", "-f", many)
            run = try await cloud.kcnet("policy", "list")
            #expect(run.lines.contains { $0.hasSuffix("; tcp/10011; … 29 more  everything") }, "\(run.output)")
            run = try await cloud.kcnet("policy", "show", "many")
            #expect(run.lines.contains("  40  tcp/10040"), "\(run.output)")
            try await cloud.kcnet("policy", "delete", "many")
            run = try await cloud.kcnet("policy", "list")
            #expect(
                run.lines.dropFirst().map { $0.split(separator: " ").first.map(String.init) }
                    == ["clients", "web", "allow-all", "allow-segment", "deny-in"])
            run = try await cloud.kcnet("policy", "show", "allow-segment")
            #expect(
                run.lines == ["policy allow-segment, built in", "  in: members of the segment", "  out: everything"])
            for (arguments, status) in [
                (["policy", "create", "deny-in"], Int32(4)), (["policy", "delete", "allow-all"], 3),
                (["policy", "create", "x", "--allow", "http/80"], 2),
                (["policy", "create", "x", "--allow", "tcp/0"], 2),
                (["policy", "create", "x", "--allow", "tcp/9-8"], 2),
                (["policy", "create", "x", "--allow", "tcp/80,80"], 2),
                (["policy", "create", "x", "--allow", "tcp to fd00::/8"], 2),
                (["policy", "create", "x", "--allow", "tcp from fd00::1/8"], 2),
                (["policy", "create", "x", "--allow", "tcp from x"], 1),
                (["policy", "create", "x", "--from", "any"], 2), (["policy", "update", "web", "--remove", "9"], 2),
                (["policy", "delete", "clients"], 4),
            ] {
                let run = try await Cloud.run(
                    "kcnet", arguments, input: nil, environment: ["KC_API": "unix:\(cloud.socket)"],
                    folder: cloud.folder)
                #expect(run.status == status, "\(arguments): \(run.errors)")
            }
        }
    }

    @Test func `a file applies policies whatever their order, and a second time changes nothing`() async throws {
        try await Cloud.with { cloud in
            let file = try cloud.write(
                "p.yaml",
                """
                kind: attachment
                name: a
                spec:
                  segment: s
                  policies: [web, allow-segment]
                  allowedAddresses: ["fd00:9::/64"]
                  limits: {out: {bandwidth: 1000000}}
                ---
                kind: policy
                name: web
                spec:
                  ingress:
                    - {protocol: tcp, ports: [80, 8000-8010], from: [{policy: clients}, {prefix: "2001:db8::/32"}]}
                ---
                kind: policy
                name: clients
                spec: {}
                ---
                kind: segment
                name: s
                spec: {ipam: manual}
                """)
            var run = try await cloud.kcnet("apply", "-f", file)
            #expect(run.status == 0, "\(run.errors)")
            run = try await cloud.kcnet("apply", "-f", file, "--dry-run")
            #expect(run.status == 0 && !run.output.contains("update") && !run.output.contains("~"), "\(run.output)")
            run = try await cloud.kcnet("attachment", "list")
            #expect(run.lines.last?.contains("web,allow-segment") == true, "\(run.output)")
            run = try await cloud.kcnet("export", "policies", "-o", "json")
            #expect(run.output.contains(#""clients""#))
            run = try await cloud.kcnet(
                "attachment", "update", "a", "--limit-in-packets", "10k", "--add-policy", "clients",
                "--allow-address", "fd00:9::1", "--learned-addresses", "0")
            #expect(run.status == 0, "\(run.errors)")
            let spec = try await cloud.kcnet("attachment", "show", "a", "-o", "json").json()["spec"]
            #expect(spec?["limits"]?["in"]?["packetsPerSecond"]?.displayText == "10000")
            #expect(spec?["limits"]?["out"]?["bandwidth"]?.displayText == "1000000")
            #expect(spec?["allowedAddresses"]?.elements.compactMap(\.string) == ["fd00:9::1/128"])
            #expect(spec?["policies"]?.elements.count == 3)
            run = try await cloud.kcnet("attachment", "update", "a", "--unset", "limits", "--limit-out-packets", "200")
            #expect(run.status == 0, "\(run.errors)")
            let limits = try await cloud.kcnet("attachment", "show", "a", "-o", "json").json()["spec"]?["limits"]
            #expect(limits?["out"]?["packetsPerSecond"]?.displayText == "200", "what replaces it is set")
            #expect(limits?["out"]?["bandwidth"] == nil && limits?["in"] == nil, "the rest is gone")
            run = try await cloud.kcnet(
                "attachment", "update", "a", "--unset", "limits.out.packetsPerSecond", "--limit-in-bandwidth", "1T")
            #expect(run.status == 0, "\(run.errors)")
            let last = try await cloud.kcnet("attachment", "show", "a", "-o", "json").json()["spec"]?["limits"]
            #expect(last?["out"]?["packetsPerSecond"] == nil, "one member alone")
            #expect(last?["in"]?["bandwidth"]?.displayText == "1000000000000")
            run = try await cloud.kcnet("attachment", "update", "a", "--unset", "limits.out.bandwidth")
            #expect(run.status == 2 && run.errors.contains("limits.out.bandwidth"), "\(run.errors)")
        }
    }

    @Test func `drops shows what the attachment's host answers, frame by frame and as a table`() async throws {
        try await Cloud.with { cloud in
            for arguments in [
                ["host", "create", "h1", "--vtep", "fd00::1", "--interface", "eth0"],
                ["segment", "create", "s", "--ipam", "none"],
                ["attachment", "create", "a", "--segment", "s", "--host", "h1"],
            ] {
                let run = try await Cloud.run(
                    "kcnet", arguments, input: nil, environment: ["KC_API": "unix:\(cloud.socket)"],
                    folder: cloud.folder)
                #expect(run.status == 0, "\(run.errors)")
            }
            let client = try APIClient(endpoint: Endpoint(parsing: "unix:\(cloud.socket)"))
            do {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await self.answerProbes(client) }
                    let follow = try await cloud.kcnet("drops", "a", "--follow", "--seconds", "5")
                    #expect(follow.status == 0, "\(follow.errors)")
                    let line =
                        "rogue-ra  sent  02:00:00:00:00:01 > 33:33:00:00:00:01  "
                        + "fe80::9 > ff02::1  icmpv6 router advertisement  86 bytes"
                    #expect(follow.lines.first?.hasSuffix(line) == true, "\(follow.output)")
                    #expect(follow.lines.count { $0.contains(line) } == 1)
                    #expect(follow.output.contains("rule: router advertisements come from the segment's gateway"))
                    #expect(follow.lines.contains { $0.hasPrefix("rogue-ra  3 ") })
                    let once = try await cloud.kcnet("drops", "a")
                    #expect(
                        once.lines[0].hasPrefix("REASON") && once.lines[1].hasPrefix("rogue-ra  3 "), "\(once.output)")
                    let json = try await cloud.kcnet("drops", "a", "-o", "json")
                    #expect(try json.json()["drops"]?["counters"]?["rogue-ra"]?.displayText == "3")
                    group.cancelAll()
                }
            } catch {
                await client.shutdown()
                throw error
            }
            await client.shutdown()
            #expect(try await cloud.kcnet("drops", "nobody").status == 3)
            #expect(try await cloud.kcnet("drops", "a", "--seconds", "301").status == 2)
        }
    }

    /// Answers as the agent of h1 does: from what its desired state says, until it is cancelled.
    private func answerProbes(_ client: APIClient) async throws {
        do {
            var frame: [UInt8] = [0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 32, 58, 255]
            frame += try IPv6Address(parsing: "fe80::9").bytes + IPv6Address(parsing: "ff02::1").bytes + [134, 0, 0, 0]
            let report = DropReport(
                counters: ["rogue-ra": 3, "policy": 0],
                frames: [
                    DroppedFrame(
                        number: 7, time: try #require(Timestamp(rfc3339: "2026-01-31T12:00:00.000Z")),
                        reason: "rogue-ra", direction: .from, length: 86, bytes: frame)
                ])
            for try await update in try await client.desiredUpdates(host: "h1") {
                for probe in update.probes {
                    if probe.seconds > 0 {
                        try await client.answer(host: "h1", probe: probe.id, ProbeResult(.measuring, drops: report))
                    }
                    try await client.answer(host: "h1", probe: probe.id, ProbeResult(.done, drops: report))
                }
            }
        } catch is CancellationError {
            return
        } catch let problem as APIProblem where problem.code == "not-found" {
            return
        }
    }
}

@Suite struct `One line about a frame` {
    private func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.filter { !$0.isWhitespace }
        return stride(from: 0, to: digits.count, by: 2).compactMap { index in
            let start = digits.index(digits.startIndex, offsetBy: index)
            return UInt8(digits[start..<digits.index(start, offsetBy: 2)], radix: 16)
        }
    }

    private let macs = "333300000001 020000000001"
    private let addresses = "fe800000000000000000000000000009 ff020000000000000000000000000001"

    @Test func `reads as far as the frame goes, whatever it is`() {
        func line(_ hex: String) -> String { FrameLine.text(bytes(hex)) }
        let head = "02:00:00:00:00:01 > 33:33:00:00:00:01"
        #expect(line("3333") == "2 bytes, less than an Ethernet header")
        #expect(line(macs + "0806 0001") == "\(head)  arp")
        #expect(line(macs + "0030 aaaa03") == "\(head)  802.3 frame of length 48")
        #expect(line(macs + "8100 0005 8100 0007 88cc") == "\(head)  vlan 5  vlan 7  ethertype 0x88cc")
        #expect(line(macs + "86dd 6000") == "\(head)  ipv6, cut off")
        let ip = "86dd 60000000 0020"
        #expect(
            line(macs + ip + "06ff" + addresses + "01bb 0050") == "\(head)  fe80::9 > ff02::1  tcp 443 > 80")
        #expect(
            line(
                macs + ip + "00ff" + addresses + "3a00000000000000 87000000 00000000"
                    + "fe800000000000000000000000000007")
                == "\(head)  fe80::9 > ff02::1  hop-by-hop icmpv6 neighbour solicitation of fe80::7")
        #expect(
            line(macs + ip + "2cff" + addresses + "11000008 00000001")
                == "\(head)  fe80::9 > ff02::1  fragment at 8 of udp")
        #expect(
            line(macs + ip + "3cff" + addresses + "3aff0000 00000000") == "\(head)  fe80::9 > ff02::1  options icmpv6")
        #expect(line(macs + ip + "3cff" + addresses + "3a") == "\(head)  fe80::9 > ff02::1  options (cut off)")
    }
}

@Suite struct `A policy's rule in one line` {
    @Test(arguments: [
        "tcp/80,443,8000-8010 from 2001:db8::/32,clients rate 100 log", "any", "icmpv6/128,129", "udp from ::/0",
        "esp log",
    ])
    func `is read and written alike`(text: String) throws {
        let rule = try PolicyRuleText.rule(text, .ingress, field: "--allow")
        #expect(PolicyRuleText.text(rule, .ingress) { $0 } == text)
    }

    @Test(arguments: [
        "", "tcp/", "tcp/80;flush ruleset", "tcp/http", "tcp from", "tcp from ,", "tcp from any rate", "tcp rate -1",
        "tcp from a;b", "tcp to fd00::/8", "icmpv6/256", "tcp/80 80", "tcp from 10.0.0.1/8",
    ])
    func `is refused with what was typed`(text: String) {
        #expect {
            try PolicyRuleText.rule(text, .ingress, field: "--allow")
        } throws: { error in
            guard let error = error as? FieldError else { return false }
            return error.field == "--allow" && (error.value == text || text.isEmpty)
        }
    }

    @Test(arguments: [
        ("tcp from 2001:db8::1/32", "2001:db8::/32"), ("tcp from 2001:db8::/129", "128"),
        ("tcp from 10.0.0.1/8", "bits set"),
    ])
    func `a prefix that is none is told why`(text: String, reason: String) {
        #expect {
            try PolicyRuleText.rule(text, .ingress, field: "--allow")
        } throws: { ($0 as? FieldError)?.rule.contains(reason) == true }
    }

    @Test func `peers of the command stand for rules without their own`() throws {
        #expect(try PolicyRuleText.rule("tcp", .ingress, peers: ["web"], field: "x").peers?.count == 1)
        #expect(try PolicyRuleText.rule("tcp from any", .ingress, peers: ["web"], field: "x").peers == nil)
        #expect(try PolicyRuleText.rule("tcp to fd00::1", .egress, peers: ["any"], field: "x").peers?.count == 1)
    }
}
