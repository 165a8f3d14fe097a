import Addressing
import Glibc
import LinuxBPF
import LinuxProcesses
import NetworkModel
import NetworkPlanning
import TestNamespaces
import Testing
import Waiting

/// A guest, a gateway and the IPv4 world, each a namespace: real kernels on either side of the translator.
struct TranslatorLab {
    let guest: TestNamespace
    let gateway: TestNamespace
    let outside: TestNamespace
    let translators = GatewayTranslators(path: TranslatorFile.path)

    /// Where the IPv4 world appears to the guest.
    static let prefix = "64:ff9b:1::"
    static let server = "198.51.100.2"
    static let serverSeen = prefix + server

    static func spec() throws -> TranslatorSpec {
        TranslatorSpec(
            prefix: try IPv6Prefix(parsing: prefix + "/96"), own: try IPv4Address(parsing: "198.51.100.1"),
            block: TranslatorSpec.standardBlock, outgoing: try IPv4Address(parsing: "203.0.113.1"),
            outer: try InterfaceName("up0"), ipv6MTU: 1430, outerMTU: 1500,
            mappings: [
                try IPv4Address(parsing: "203.0.113.10"): try IPv6Address(parsing: "fd00:1::10"),
                try IPv4Address(parsing: "203.0.113.11"): try IPv6Address(parsing: "fd00:1::11"),
            ])
    }

    init() async throws {
        guest = try TestNamespace("kxg")
        gateway = try TestNamespace("kxr")
        outside = try TestNamespace("kxo")
        // A gateway whose own address is still looked for twice cannot ask for its guests yet.
        for space in [guest, gateway] { try space.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0") }
        try gateway.run(
            "ip", "link", "add", "seg0", "mtu", "1430", "type", "veth", "peer", "name", "eth0", "mtu", "1430", "netns",
            guest.name.text)
        try gateway.run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", outside.name.text)
        for (space, device) in [(gateway, "seg0"), (gateway, "up0"), (guest, "eth0"), (outside, "eth0")] {
            try space.run("ip", "link", "set", device, "up")
        }
        try gateway.run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
        try gateway.run("ip", "address", "add", "fd00:1::1/64", "dev", "seg0", "nodad")
        for address in ["fd00:1::10/64", "fd00:1::11/64", "fd00:1::66/64"] {
            try guest.run("ip", "address", "add", address, "dev", "eth0", "nodad")
        }
        try guest.run("ip", "-6", "route", "add", "default", "via", "fd00:1::1")
        try gateway.run("ip", "address", "add", "198.51.100.1/24", "dev", "up0")
        try outside.run("ip", "address", "add", "198.51.100.2/24", "dev", "eth0")
        try outside.run("ip", "route", "add", "203.0.113.0/24", "via", "198.51.100.1")
        try gateway.run(
            "nft",
            "table ip t { chain p { type nat hook postrouting priority 100; ip saddr 240.0.0.0/16 snat to 203.0.113.1; }; }"
        )
        try await translators.ensure(Self.spec(), in: gateway.name)
        try await eventually { guest.succeeds("ping", "-c1", "-W1", "fd00:1::1") }
    }

    /// Runs one exchange of `talk.py`: a server at `listen` in one namespace, a client that reaches it as `target`.
    func talk(
        _ mode: String, from source: TestNamespace, to target: String, size: Int, by local: String? = nil,
        server space: TestNamespace, at listen: String
    ) throws -> String {
        let python = "/usr/bin/python3"
        let script = String(#filePath.dropLast("TranslatorTests/TranslatorLab.swift".count)) + "translation/talk.py"
        let serve = mode == "tcp" ? "tcp-serve" : "udp-serve"
        let pipe = try Pipe()
        let server = try ChildProcess.spawn(
            "/usr/sbin/ip", ["netns", "exec", space.name.text, "timeout", "20", python, script, serve, listen],
            output: pipe.writing.raw, error: pipe.writing.raw)
        defer { _ = ChildProcess.wait(server) }
        let reading = pipe.keepingReading()
        var byte: [UInt8] = [0]
        var line: [UInt8] = []
        while read(reading.raw, &byte, 1) == 1, byte[0] != 10 { line.append(byte[0]) }
        #expect(line == Array("ready".utf8))
        return try source.run(
            ["timeout", "20", python, script, mode, target, "\(size)"] + (local.map { [$0] } ?? []))
    }
}
