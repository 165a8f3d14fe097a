import Foundation
import Resources
import Testing
import Waiting

/// The commands against a real server, as processes: what a person types, reads and scripts.
@Suite(.serialized) struct `kcnet against kcd api` {
    @Test func `a resource is created, shown, changed, compared, restored and deleted`() async throws {
        try await Cloud.with { cloud in
            var run = try await cloud.kcnet(
                "segment", "create", "blue", "--ipam", "none", "--vni", "300", "--label", "env=prod")
            #expect(run.status == 0, "\(run.errors)")
            #expect(
                run.lines == [
                    "NAME  VNI  DEVICE     MTU   IPAM  PREFIX  PHASE",
                    "blue  300  kcx00012c  1430  none          unused",
                ])

            run = try await cloud.kcnet(
                "segment", "update", "blue", "--label", "tier=db", "--remove-label", "env", "--name", "green")
            #expect(run.status == 0, "\(run.errors)")
            run = try await cloud.kcnet("segment", "diff", "green")
            #expect(
                run.lines == [
                    "segment green: generation 1 -> 2", "  ~ name: blue -> green", "  - labels.env: prod",
                    "  + labels.tier: db",
                ])

            run = try await cloud.kcnet("segment", "restore", "green", "--generation", "1")
            #expect(run.status == 0, "\(run.errors)")
            run = try await cloud.kcnet("segment", "show", "blue", "--output", "json")
            #expect(try run.json()["labels"]?["env"]?.string == "prod")
            run = try await cloud.kcnet("segment", "history", "blue", "--output", "json")
            #expect(try run.json().elementCount == 3)
            run = try await cloud.kcnet("segment", "history", "blue")
            #expect(run.lines.count == 4)
            #expect(run.lines[1].hasPrefix("3 ") && run.lines[1].contains("restore"))

            run = try await cloud.kcnet("segment", "show", "blue")
            #expect(run.lines[0] == "segment blue")
            #expect(run.lines.contains { $0.hasPrefix("  labels.env") && $0.hasSuffix("prod") })

            run = try await cloud.kcnet("segment", "delete", "blue")
            #expect(run.output == "segment blue deleted\n")
            #expect(try await cloud.kcnet("segment", "show", "blue").status == 3)
        }
    }

    @Test func `help and errors have the words of the whole program, also where a command is read without the others`()
        async throws
    {
        try await Cloud.with { cloud in
            for word in ["apply", "export", "path", "trace", "why", "segment", "gateways"] {
                let help = try await cloud.kcnet(word, "--help")
                let name = word == "gateways" ? "gateway" : word
                #expect(help.status == 0 && help.lines.contains { $0.hasPrefix("USAGE: kcnet \(name)") }, "\(help)")
                let wrong = try await cloud.kcnet(word, "--nonsense")
                #expect(wrong.status == 2 && wrong.errors.contains("kcnet \(name)"), "\(wrong)")
            }
            let help = try await cloud.kcnet("attachments", "create", "--help")
            #expect(help.lines.contains { $0.hasPrefix("USAGE: kcnet attachment create") }, "\(help)")
            #expect(try await cloud.kcnet("segments", "help").status == 2)
        }
    }

    @Test func `tables show names where the API has ids, and a VM's command line comes with a tap`() async throws {
        try await Cloud.with { cloud in
            for arguments in [
                ["host", "create", "h1", "--vtep", "fd00::1", "--interface", "eth0"],
                ["segment", "create", "blue", "--ipam", "manual", "--prefix", "fd00:1::/64"],
            ] {
                let run = try await Cloud.run(
                    "kcnet", arguments, input: nil, environment: ["KC_API": "unix:\(cloud.socket)"],
                    folder: cloud.folder)
                #expect(run.status == 0, "\(run.errors)")
            }
            let run = try await cloud.kcnet(
                "attachment", "create", "web", "--segment", "blue", "--host", "h1", "--mac", "02:00:00:00:00:05",
                "--address", "fd00:1::5")
            #expect(run.status == 0, "\(run.errors)")
            #expect(
                run.lines[0].hasPrefix("NAME  SEGMENT  HOST  MAC                ADDRESSES  POLICIES       INTERFACE"))
            #expect(run.lines[1].hasPrefix("web   blue     h1    02:00:00:00:00:05  fd00:1::5  allow-segment"))
            let id = try #require(try await cloud.kcnet("attachment", "show", "web", "-o", "json").json()["id"]?.string)
            #expect(run.lines.last?.contains("-netdev tap,id=n0,ifname=kct") == true)
            #expect(run.lines.last?.contains("-device virtio-net-pci,netdev=n0,mac=02:00:00:00:00:05") == true)
            #expect(try await cloud.kcnet("attachment", "show", id).lines.contains { $0.hasSuffix("blue") })
            let lists = try await cloud.kcnet("attachment", "list", "--selector", "a=b")
            #expect(lists.output.isEmpty && lists.errors == "no attachments in project default\n")
        }
    }

    @Test func `a wide list shows the prefix of a router, and a link-local address is nobody's in the IPv4 world`()
        async throws
    {
        try await Cloud.with { cloud in
            for line in [
                "host create h1 --vtep fd0a::1 --interface eth0 --role gateway",
                "pool create behind --type delegation --prefix 2001:db8:d::/48",
                "pool create v4 --type ipv4 --prefix 203.0.113.0/28",
                "segment create blue --ipam automatic --dhcp stateful",
                "gateway create edge --host h1 --segment blue --nat64-pool v4",
                "attachment create router --segment blue --host h1 --delegate 60",
            ] {
                let run = try await Cloud.run(
                    "kcnet", line.split(separator: " ").map(String.init), input: nil,
                    environment: ["KC_API": "unix:\(cloud.socket)"], folder: cloud.folder)
                #expect(run.status == 0, "\(line): \(run.errors)")
            }
            let wide = try await cloud.kcnet("attachment", "list", "-o", "wide")
            #expect(wide.lines.first?.contains("  DELEGATED  ") == true, "\(wide.output)")
            #expect(
                wide.lines.contains { $0.hasPrefix("router ") && $0.contains(" 2001:db8:d::/60 ") }, "\(wide.output)")
            // Nobody carries the gateway out; whichever machine asks is told.
            let doctor = try await cloud.kcnet("doctor")
            #expect(
                doctor.lines.contains {
                    $0.hasPrefix("warn  gateway") && $0.contains("'edge' of project 'default' is pending")
                }, "\(doctor.output)")
            #expect(!doctor.output.contains("translated by nobody"), "\(doctor.output)")
            // Without a gateway that translates a mapping leads nowhere, and whoever asks is told so.
            for (line, missing) in [
                ("segment create dark --ipam automatic --dhcp stateful", ""),
                ("attachment create lamp --segment dark --host h1", ""),
                ("mapping create out --attachment lamp", "its segment has no managed gateway"),
                ("gateway create plain --host h1 --segment dark", "gateway 'plain' of its segment has no NAT64"),
            ] {
                let run = try await Cloud.run(
                    "kcnet", line.split(separator: " ").map(String.init), input: nil,
                    environment: ["KC_API": "unix:\(cloud.socket)"], folder: cloud.folder)
                #expect(run.status == 0, "\(line): \(run.errors)")
                let told = try await cloud.kcnet("doctor")
                #expect(
                    missing.isEmpty
                        || told.output.contains(
                            "'out' of project 'default' is translated by nobody: \(missing)"),
                    "\(told.output)")
            }
            // The gateway's own port has it, and so has every other gateway's.
            let nobody = try await cloud.kcnet("explain", "fe80::1")
            #expect(nobody.status == 3 && nobody.errors.contains("translates fe80::1"), "\(nobody)")
            // What is no address needs no server to be told so.
            let wrong = try await cloud.kcnet("explain", "999.1.1.1", environment: ["KC_API": "unix:/nowhere"])
            #expect(wrong.status == 2 && wrong.errors.contains("'999.1.1.1' is no IPv4"), "\(wrong)")
        }
    }

    @Test func `the kind of a gateway's uplink stands in its row`() async throws {
        try await Cloud.with { cloud in
            try await cloud.kcnet(
                "host", "create", "h1", "--vtep", "fd00::1", "--interface", "eth0", "--role", "gateway")
            try await cloud.kcnet("segment", "create", "blue", "--ipam", "automatic")
            let run = try await cloud.kcnet(
                "gateway", "create", "edge", "--host", "h1", "--segment", "blue", "--routed")
            #expect(run.status == 0, "\(run.errors)")
            let rows = run.lines.prefix(2).map { $0.split(separator: " ").map(String.init) }
            #expect(rows.first == ["NAME", "TYPE", "HOST", "SEGMENTS", "UPLINK", "PHASE"])
            #expect(rows.last?.prefix(5) == ["edge", "managed", "h1", "blue", "routed"], "\(run.output)")
        }
    }

    @Test func `exit codes say what kind of failure it was, and errors what to do next`() async throws {
        try await Cloud.with { cloud in
            func status(_ arguments: String...) async throws -> Int32 {
                let run = try await Cloud.run(
                    "kcnet", arguments, input: nil, environment: ["KC_API": "unix:\(cloud.socket)"],
                    folder: cloud.folder)
                #expect(run.status == 0 || !run.errors.isEmpty)
                return run.status
            }
            #expect(try await status("project", "create", "lab") == 0)
            #expect(try await status("project", "create", "Lab") == 1)
            #expect(try await status("segment", "create", "a", "--ipam", "sometimes") == 2)
            #expect(try await status("segment", "create", "a") == 2)
            #expect(try await status("segment", "frobnicate") == 2)
            #expect(try await status("project", "show", "nope") == 3)
            #expect(try await status("project", "create", "lab") == 4)
            #expect(try await status("project", "update", "lab", "--if-revision", "1", "--label", "a=b") == 4)
            #expect(try await status("project", "list", "--api", "unix:/tmp/no-such-kc.sock") == 6)
            #expect(try await status("project", "list", "--api", "http://192.0.2.1") == 2)
            #expect(try await status("project", "create", "x", "--wait") == 2)
            #expect(try await status("segment", "create", "s", "--ipam", "none") == 0)
            #expect(try await status("attachment", "create", "a", "--segment", "s", "--wait=1") == 7)
            let late = try await cloud.kcnet("attachment", "create", "b", "--segment", "s", "--wait", "1")
            #expect(late.status == 7 && late.errors.contains("attachment b is not wired after 1 s; it is pending"))
            #expect(try await status("segment", "delete", "s") == 4)
            let run = try await cloud.kcnet("segment", "delete", "s")
            #expect(run.errors.contains("\n  next: delete what uses it first\n"))
            let socket = try await cloud.kcnet("segment", "list", "--api", "unix:/tmp/no-such-kc.sock")
            #expect(socket.errors.contains("is `kcd api` running on this machine?"))
        }
    }

    @Test func `annotations come back byte for byte, over every command`() async throws {
        try await Cloud.with { cloud in
            let value = #"{"b": 1.10,"a":[1e400, 0.10 ],"u":"\u00e9"}"#
            var run = try await cloud.kcnet("project", "create", "p", "--annotation", "x=\(value)")
            #expect(run.status == 0, "\(run.errors)")
            run = try await cloud.kcnet("project", "update", "p", "--label", "a=b", "-o", "json")
            #expect(run.output.contains(value))
            let exported = try await cloud.kcnet("export", "project/p", "-o", "json")
            #expect(exported.output.contains(value))
            #expect(try await cloud.kcnet("apply", "-f", "-", input: exported.output).output == "project p unchanged\n")
            // YAML has no bytes of its own: what means the same leaves the bytes alone, also when another field changes.
            let yaml = try await cloud.kcnet("export", "projects/p").output
            #expect(try await cloud.kcnet("apply", "-f", "-", input: yaml).output == "project p unchanged\n")
            let changed = yaml.replacing("a: b", with: "a: c")
            #expect(try await cloud.kcnet("apply", "-f", "-", input: changed).output == "project p changed\n")
            #expect(try await cloud.kcnet("project", "show", "p", "-o", "json").output.contains(value))
        }
    }

    @Test func `a watch shows what there is, then every change`() async throws {
        try await Cloud.with { cloud in
            #expect(try await cloud.kcnet("project", "create", "a").status == 0)
            let output = "\(cloud.folder)/watch"
            let watch = try cloud.start("project", "watch", "-o", "json", output: output)
            defer {
                kill(watch.processIdentifier, SIGKILL)
                watch.waitUntilExit()
            }
            func events() throws -> [String] {
                try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n").map { line in
                    let node = try JSONParser.parse(Array(line.utf8))
                    let name = node["resource"]?["name"]?.string ?? node["name"]?.string ?? ""
                    return "\(node["event"]?.string ?? "") \(name)"
                }
            }
            try await eventually { try events().last == "bookmark " }
            #expect(try Set(events()) == ["put a", "put default", "bookmark "])
            #expect(try await cloud.kcnet("project", "create", "b").status == 0)
            #expect(try await cloud.kcnet("project", "delete", "b").status == 0)
            try await eventually { try events().suffix(2) == ["put b", "delete b"] }
        }
    }
}
