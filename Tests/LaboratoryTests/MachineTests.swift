import Addressing
import FoundationEssentials
import Glibc
import Laboratory
import Resources
import Testing
import Waiting

/// A laboratory without KC's programs, made for one test and taken away whatever happens in it.
func withMachines(_ topology: String, _ body: (Laboratory) async throws -> Void) async throws {
    let laboratory = try laboratory(topology)
    try await laboratory.makeMachines()
    do { try await body(laboratory) } catch {
        try await laboratory.down()
        throw error
    }
    try await laboratory.down()
    try await nothingIsLeft(of: laboratory)
}

func laboratory(_ topology: String) throws -> Laboratory {
    let folder = try TopologyFolder(path: Checkout.topology(topology))
    let instance = try #require(Name("\(topology)-\(getpid())"))
    return Laboratory(
        folder: folder, state: try LaboratoryState(instance: instance, root: "/tmp/kclab-\(getpid())"))
}

func nothingIsLeft(of laboratory: Laboratory) async throws {
    let left = try await Laboratory.namespaces().filter { $0.hasPrefix("kclab-\(laboratory.state.instance)-") }
    #expect(left.isEmpty)
    #expect(!laboratory.state.exists)
}

@Suite(.serialized)
struct MachineTests {
    @Test func `machines of one link reach each other and keep their files apart`() async throws {
        try await withMachines("two-hosts") { laboratory in
            let h1 = try laboratory.machine(named: "h1")
            let h2 = try laboratory.machine(named: "h2")
            let answer = try await h1.command("ping", ["-c", "1", "-W", "2", "fd0a::2"]).run()
            #expect(answer.isSuccess, "\(answer.complaint)")
            for folder in ["/run/kc", "/var/lib/kc", "/run/netns"] {
                try await h1.command("touch", ["\(folder)/mark"]).check("write", folder)
                #expect(try await !h2.command("test", ["-e", "\(folder)/mark"]).run().isSuccess)
                #expect(access("\(folder)/mark", F_OK) != 0)
            }
            let guests = try await h1.ip("netns", "list")
            #expect(guests.contains("web") && !guests.contains("db"))
            #expect(try await h1.command("ls", ["/sys/class/net"]).run().output == "eth0\nlo\n")
            let error = await #expect(throws: LaboratoryError.self) { try await laboratory.makeMachines() }
            #expect(error?.code == .exists)
            #expect(try await h1.command("true", []).run().isSuccess, "the refusal must not touch what is up")
        }
    }

    @Test func `VXLAN's groups cross a multicast router`() async throws {
        try await withMachines("three-hosts-router") { laboratory in
            try await makeVXLAN(in: laboratory, hosts: ["h1", "h2", "h3"])
            let h1 = try laboratory.machine(named: "h1")
            for peer in ["fd00:1::2", "fd00:1::3"] {
                // The router knows who wants the groups when their reports have come.
                try await eventually("\(peer) answers", within: .seconds(10)) {
                    try await h1.command("ping", ["-c", "2", "-i", "0.2", "-W", "2", peer]).run().isSuccess
                }
            }
        }
    }

    @Test func `a link without multicast carries neighbour discovery and unicast, and no VXLAN group`() async throws {
        try await withMachines("no-multicast") { laboratory in
            let h1 = try laboratory.machine(named: "h1")
            #expect(try await h1.command("ping", ["-c", "1", "-W", "2", "fd0a::2"]).run().isSuccess)
            try await makeVXLAN(in: laboratory, hosts: ["h1", "h2"])
            let silent = try await h1.command("ping", ["-c", "2", "-i", "0.2", "-W", "1", "fd00:1::2"]).run()
            #expect(!silent.isSuccess)
            try await h1.command(
                "bridge", ["fdb", "append", "00:00:00:00:00:00", "dev", "vx", "dst", "fd0a::2"]
            ).check("flood to", "h2")
            let h2 = try laboratory.machine(named: "h2")
            try await h2.command(
                "bridge", ["fdb", "append", "00:00:00:00:00:00", "dev", "vx", "dst", "fd0a::1"]
            ).check("flood to", "h1")
            let unicast = try await h1.command("ping", ["-c", "2", "-i", "0.2", "-W", "2", "fd00:1::2"]).run()
            #expect(unicast.isSuccess, "\(unicast.complaint)")
        }
    }

    /// By hand, as an engineer would: it checks the laboratory, not KC.
    private func makeVXLAN(in laboratory: Laboratory, hosts: [String]) async throws {
        for name in hosts {
            let machine = try laboratory.machine(named: name)
            let host = try #require(laboratory.topology.hosts.first { $0.name.text == name })
            try await machine.ip(
                "link", "add", "vx", "type", "vxlan", "id", "300", "group", "ff15::8b00:2c", "local",
                "\(host.address)", "dev", "eth0", "dstport", "4789", "ttl", "64")
            try await machine.ip("link", "set", "vx", "up")
            try await machine.ip("addr", "add", "fd00:1::\(name.dropFirst())/64", "dev", "vx", "nodad")
        }
    }

    @Test func `down ends exactly the laboratory's processes, also those nobody recorded`() async throws {
        let laboratory = try laboratory("one-host")
        try await laboratory.makeMachines()
        let h1 = try laboratory.machine(named: "h1")
        let inside = try h1.start(role: "sleeper", "sleep", ["7200"])
        // A child of a daemon that ended: nobody has its pid on file.
        let orphan = try await h1.command("sh", ["-c", "setsid sleep 7201 >/dev/null 2>&1 & echo $!"]).run()
        let orphanPID = try #require(Int32(orphan.output.split(separator: "\n").first ?? ""))
        try await eventually("see", "the orphan", within: .seconds(5)) { ProcessIdentity(pid: orphanPID) != nil }
        let keeper = h1.keeper
        let outside = try await Command("sh", ["-c", "setsid sleep 7202 >/dev/null 2>&1 & echo $!"]).run()
        let outsidePID = try #require(Int32(outside.output.split(separator: "\n").first ?? ""))
        try await laboratory.down()
        #expect(!inside.process.isRunning)
        #expect(!keeper.isRunning)
        #expect(ProcessIdentity(pid: orphanPID) == nil)
        let stranger = try #require(ProcessIdentity(pid: outsidePID))
        stranger.signal(SIGKILL)
        try await nothingIsLeft(of: laboratory)
        let again = await #expect(throws: LaboratoryError.self) { try await laboratory.down() }
        #expect(again?.code == .absent)
    }

    @Test func `down works after a crash in the middle of up`() async throws {
        let laboratory = try laboratory("two-hosts")
        try await laboratory.makeMachines()
        // What a crash leaves: a keeper gone, a namespace gone, a machine's record gone.
        try laboratory.machine(named: "h2").keeper.signal(SIGKILL)
        try await Command("ip", ["netns", "delete", laboratory.state.namespace(of: try #require(Name("api")))])
            .check("delete", "api")
        try FileManager.default.removeItem(
            atPath: laboratory.state.directory(of: try #require(Name("h1"))) + "/keeper.json")
        try await laboratory.down()
        try await nothingIsLeft(of: laboratory)
    }

    @Test func `a namespace of someone else with the same name stops up and is left alone`() async throws {
        let laboratory = try laboratory("one-host")
        let name = laboratory.state.namespace(of: try #require(Name("h1")))
        try await Command("ip", ["netns", "add", name]).check("make", name)
        let error = await #expect(throws: LaboratoryError.self) { try await laboratory.makeMachines() }
        #expect(error?.code == .exists)
        #expect(error?.subject == name)
        #expect(try await Laboratory.namespaces().contains(name))
        try await Command("ip", ["netns", "delete", name]).check("delete", name)
        try await nothingIsLeft(of: laboratory)
    }

    @Test func `a stopped daemon starts again as it was started`() async throws {
        try await withMachines("one-host") { laboratory in
            let h1 = try laboratory.machine(named: "h1")
            let first = try h1.start(role: "sleeper", "sleep", ["7203"])
            try await h1.stop("sleeper")
            let second = try h1.restart("sleeper")
            #expect(second.process != first.process)
            #expect(second.arguments == first.arguments)
            let status = try laboratory.status()
            let machine = try #require(status.first { $0.name.text == "h1" })
            #expect(machine.daemons.map(\.isRunning) == [true])
        }
    }

    @Test func `a new machine in the place of a lost one has its cable and its guests, and of its files those named`()
        async throws
    {
        try await withMachines("two-hosts") { laboratory in
            let old = try laboratory.machine(named: "h1")
            for file in ["keep", "lose"] {
                try await old.command("mkdir", ["-p", "/var/lib/kc/node"]).check("make", "folder")
                try await old.command("touch", ["/var/lib/kc/node/\(file)"]).check("write", file)
            }
            try await old.ip("link", "add", "lost", "type", "bridge")
            let host = try #require(laboratory.topology.hosts.first { $0.name.text == "h1" })
            try await laboratory.replace(host, keeping: ["node/keep"])
            #expect(!old.keeper.isRunning)
            let new = try laboratory.machine(named: "h1")
            #expect(try await new.command("ls", ["/var/lib/kc/node"]).run().output == "keep\n")
            #expect(try await Set(new.devices().map(\.name)) == ["lo", "eth0"])
            #expect(try await new.guestNamespaces() == ["web", "other"])
            let answer = try await new.command("ping", ["-c", "1", "-W", "2", "fd0a::2"]).run()
            #expect(answer.isSuccess, "\(answer.complaint)")
        }
    }
}
