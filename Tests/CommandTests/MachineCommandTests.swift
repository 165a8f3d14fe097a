import APIClient
import Foundation
import Resources
import Testing
import Waiting

/// `kc` against the real servers, as processes. No host runs VMs here: what one would say, the tests say.
@Suite(.serialized) struct `kc against kcd api and kc-compute api` {
    private static let key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJkYRLhqQZ2o7dBmtqE3MBPZD2pZxmCQG5Nk8yYyqB3c me@example"

    @Test func `a VM is created from files and names, waits with its reason, and is changed by its verbs`() async throws
    {
        try await Cloud.with(compute: true) { cloud in
            try await cloud.furnish()
            let key = try cloud.write("id.pub", "# mine\n\(Self.key)\n")
            let data = try cloud.write("user-data", "#cloud-config\n{}\n")
            var run = try await cloud.kc(
                "vm", "create", "web", "--image", "debian", "--network", "blue", "--type", "small", "--ssh-key", key,
                "--user-data", data, "--parameter", "cpus=2", "--label", "tier=front")
            #expect(run.status == 0, "\(run.errors)")
            #expect(run.lines.first?.hasPrefix("NAME  STATE") == true, "\(run.output)")
            #expect(run.lines.last?.contains("small") == true && run.output.contains("blue"), "\(run.output)")

            run = try await cloud.kc("vm", "show", "web", "--output", "json")
            let vm = try run.json()
            #expect(vm["spec"]?["parameters"]?["cpus"]?.displayed == "2", "\(run.output)")
            #expect(vm["spec"]?["userData"]?.string == "#cloud-config\n{}\n")
            #expect(vm["labels"]?["tier"]?.string == "front")
            #expect(vm["status"]?["machine"]?["cpus"]?.displayed == "2")

            // It has a host that never says anything of it.
            run = try await cloud.kc("vm", "start", "web", "--wait=1")
            #expect(run.status == 7 && run.errors.contains("vm web is not running after 1 s"), "\(run)")
            #expect(run.errors.contains("kc vm show web"), "\(run.errors)")
            run = try await cloud.kc("vm", "explain", "web")
            #expect(run.status == 0 && run.output.contains("c1"), "\(run)")

            run = try await cloud.kc("vm", "resize", "web", "--parameter", "cpus=3")
            #expect(run.status == 0, "\(run.errors)")
            run = try await cloud.kc("vm", "rename", "web", "front")
            #expect(run.status == 0 && run.output.contains("front"), "\(run)")
            run = try await cloud.kc("vm", "diff", "front", "--from", "1")
            #expect(run.output.contains("~ name: web -> front"), "\(run.output)")
            #expect(run.output.contains("spec.parameters.cpus: 2 -> 3"), "\(run.output)")
            #expect(try await cloud.kc("vm", "history", "front").lines.count == 4)
            run = try await cloud.kc("vm", "restore", "front", "--generation", "2")
            #expect(run.status == 0 && run.output.contains("web"), "\(run)")

            // What the host says: it runs, and so it cannot go before it is stopped.
            try await cloud.say("running", of: "web")
            run = try await cloud.kc("vm", "start", "web", "--wait=20")
            #expect(run.status == 0 && run.output.contains("running"), "\(run)")
            run = try await cloud.kc("vm", "delete", "web")
            #expect(run.status == 4 && run.errors.contains("kc vm stop"), "\(run)")
            #expect(try await cloud.kc("vm", "stop", "web").status == 0)
            try await cloud.say("stopped", of: "web")
            run = try await cloud.kc("vm", "stop", "web", "--wait=20")
            #expect(run.status == 0 && run.output.contains("stopped"), "\(run)")
            #expect(try await cloud.kc("vm", "delete", "web").output == "vm web deleted\n")
        }
    }

    @Test func `wrong command lines say what to do, and nothing is made`() async throws {
        try await Cloud.with(compute: true) { cloud in
            try await cloud.furnish()
            let secret = try cloud.write("id", "-----BEGIN OPENSSH PRIVATE KEY-----\n")
            let large = try cloud.write("large", String(repeating: "x", count: 70_000))
            let good = ["--image", "debian", "--type", "small", "--network", "blue"]
            let cases: [(arguments: [String], status: Int32, words: String)] = [
                (["vm", "create", "web", "--nonsense"], 2, "nonsense"),
                (["vm", "create", "Web"] + good, 1, "name"),
                (["vm", "create", "web", "--type", "small"], 2, "spec.image: is required"),
                (["vm", "create", "web"] + good + ["--ssh-key", secret], 2, "\(secret).pub"),
                (["vm", "create", "web"] + good + ["--ssh-key", "\(cloud.folder)/none"], 2, "ssh-keygen"),
                (["vm", "create", "web"] + good + ["--ssh-key", "ssh-ed25519 AAAA"], 2, "sshKeys"),
                (["vm", "create", "web"] + good + ["--user-data", large], 2, "larger than 65536 bytes"),
                (["vm", "create", "web"] + good + ["--parameter", "cpus"], 2, "--parameter"),
                (["vm", "create", "web"] + good + ["--parameter", "cpus=9"], 1, "spec.parameters.cpus"),
                (["vm", "create", "web"] + good + ["--parameter", "wheels=4"], 1, "wheels"),
                (["vm", "create", "web", "--image", "none", "--type", "small"], 1, "none"),
                (["vm", "create", "web", "--image", "debian", "--type", "none"], 1, "none"),
                (
                    ["vm", "create", "web", "--image", "debian", "--type", "small", "--network", "none"], 1,
                    "kcnet segment list"
                ),
                (
                    ["vm", "create", "web", "--image", "debian", "--type", "small", "--policy", "allow-all"], 2,
                    "--network"
                ),
                (
                    ["vm", "create", "web", "--image", "debian", "--type", "small"]
                        + (0..<64).flatMap { _ in ["--network", "blue"] }, 2, "spec.networks"
                ),
                (["vm", "show", "none"], 3, "`list`"), (["vm", "start", "none"], 3, "none"),
                (["vm", "resize", "web"], 2, "--type NAME"), (["vm", "explain", "none"], 3, "none"),
                (
                    [
                        "type", "create", "odd", "--architecture", "x86_64", "--cpus", "8-2", "--memory", "512",
                        "--disk", "4",
                    ], 2, "cpus"
                ),
                (["type", "create", "odd", "--cpus", "many"], 2, "--cpus"),
                (["host", "create", "c2", "--host", "none"], 1, "kcnet host list"),
                (["host", "update", "c1", "--taint", "gpu"], 2, "KEY=refuse"),
                (["image", "upload", "Bad_Name", large], 2, "no name"),
                (["image", "upload", "other", "\(cloud.folder)/none"], 2, "cannot read"),
                (["image", "upload", "other", cloud.folder], 2, "no regular file"),
                (["image", "download", "none"], 3, "none"), (["image", "delete", "none"], 3, "none"),
            ]
            for (arguments, status, words) in cases {
                let run = try await Cloud.run(
                    "kc", arguments, input: nil,
                    environment: ["KC_API": "unix:\(cloud.socket)", "HOME": cloud.folder], folder: cloud.folder)
                #expect(run.status == status && run.errors.contains(words), "\(arguments): \(run)")
            }
            #expect(try await cloud.kc("vm", "list").errors.contains("no vms in project default"))
            #expect(try await cloud.kc("image", "list").lines.count == 2)
        }
    }

    @Test func `of two that create one name at once one wins, and the other is told`() async throws {
        try await Cloud.with(compute: true) { cloud in
            try await cloud.furnish()
            let runs = try await withThrowingTaskGroup(of: Cloud.Outcome.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        try await cloud.kc(
                            "vm", "create", "web", "--image", "debian", "--type", "small", "--network", "blue")
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(runs.count { $0.status == 0 } == 1, "\(runs)")
            #expect(runs.count { $0.status == 4 && $0.errors.contains("choose another name") } == 3, "\(runs)")
            #expect(try await cloud.kc("vm", "list").lines.count == 2)
        }
    }

    @Test func `one file makes a network and a VM on it, a second time it changes nothing, and export gives it back`()
        async throws
    {
        try await Cloud.with(compute: true) { cloud in
            try await cloud.furnish()
            let file = try cloud.write(
                "web.yaml",
                """
                kind: vm
                name: web
                spec:
                  machineType: large
                  image: debian
                  networks: [{segment: green, policies: [open]}]
                ---
                kind: machine-type
                name: large
                spec: {architecture: x86_64, cpus: 4, memoryMiB: 1024, diskGiB: 8}
                ---
                kind: segment
                name: green
                spec: {ipam: manual}
                ---
                kind: policy
                name: open
                spec: {}
                """)
            var run = try await cloud.kc("apply", "-f", file, "--dry-run")
            #expect(run.status == 0 && run.output.contains("vm web would be created"), "\(run)")
            #expect(try await cloud.kc("vm", "list").lines.isEmpty)
            run = try await cloud.kc("apply", "-f", file)
            #expect(
                run.lines == [
                    "segment green created", "policy open created", "machine-type large created", "vm web created",
                ], "\(run)")
            run = try await cloud.kc("apply", "-f", file)
            #expect(run.lines.count == 4 && run.lines.allSatisfy { $0.hasSuffix(" unchanged") }, "\(run)")
            // Its port comes and goes with it.
            try await eventually { try await cloud.kcnet("attachment", "list").lines.count == 2 }
            run = try await cloud.kc("export")
            #expect(run.status == 0 && !run.output.contains("kind: attachment"), "\(run)")
            for kind in ["vm", "machine-type", "compute-host", "image", "segment"] {
                #expect(run.output.contains("kind: \(kind)\n"), "\(kind) in \(run.output)")
            }
            #expect(run.output.contains("segment: green") && run.output.contains("machineType: large"), "\(run.output)")
            let exported = try cloud.write("all.yaml", run.output)
            run = try await cloud.kc("apply", "-f", exported)
            #expect(run.status == 0 && run.lines.allSatisfy { $0.hasSuffix(" unchanged") }, "\(run)")
            // A part that is wrong is named, and what stood before it is there.
            let wrong = try cloud.write(
                "wrong.yaml", "{kind: vm, name: bad, spec: {machineType: none, image: debian, networks: []}}")
            run = try await cloud.kc("apply", "-f", wrong)
            #expect(run.status == 1 && run.errors.contains("vm bad failed (\(wrong):1)"), "\(run)")
        }
    }

    @Test func `hosts are cordoned, drained and used again, and types tell what is left to choose`() async throws {
        try await Cloud.with(compute: true) { cloud in
            try await cloud.furnish()
            var run = try await cloud.kc("host", "cordon", "c1")
            #expect(run.status == 0 && run.output.contains("cordoned"), "\(run)")
            run = try await cloud.kc(
                "vm", "create", "web", "--image", "debian", "--type", "small", "--network", "blue", "--wait=1")
            #expect(run.status == 7 && run.errors.contains("1 is cordoned"), "\(run)")
            run = try await cloud.kc("vm", "explain", "web")
            #expect(run.output.contains("is cordoned"), "\(run)")
            run = try await cloud.kc("host", "drain", "c1")
            #expect(run.output.contains("drained"), "\(run)")
            run = try await cloud.kc("host", "uncordon", "nobody", "c1")
            #expect(run.status == 3 && run.errors.contains("nobody") && run.output.contains("ready"), "\(run)")
            try await eventually { try await cloud.kc("vm", "list").output.contains("c1") }
            run = try await cloud.kc("type", "parameters", "small")
            #expect(run.output.contains("cpus") && run.output.contains("1 to 4"), "\(run)")
            run = try await cloud.kc(
                "type", "create", "choice", "--architecture", "x86_64", "--cpus", "1-8:2", "--memory",
                "512-4096/512:1024", "--disk", "10", "--firmware", "uefi,bios", "--no-device", "guestAgent")
            #expect(run.status == 0 && run.output.contains("512-4096"), "\(run)")
            run = try await cloud.kc("type", "delete", "small")
            #expect(run.status == 4 && run.errors.contains("web"), "\(run)")
        }
    }

    @Test func `without the compute server it is said what to start`() async throws {
        try await Cloud.with { cloud in
            let run = try await cloud.kc("vm", "list")
            #expect(run.status == 6 && run.errors.contains("kc-compute api"), "\(run)")
        }
    }
}
