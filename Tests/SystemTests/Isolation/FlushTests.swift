import FoundationEssentials
import Glibc
import Laboratory
import NetworkModel
import Testing

extension SystemTests {
    /// Somebody else flushes the host's whole ruleset: until the agent has made it anew nothing leaves by a port, and
    /// nothing to other hosts.
    struct FlushTests {
        /// A frame may be between two hooks at the moment in which the rules come back: one flush in four let a frame through
        /// that had met none of them.
        private static let flushes = 20
        /// One on the host of the flushes, one on another.
        private static let targets = ["h1/victim", "h2/carol"]

        @Test func `while the ruleset is flushed no forbidden frame arrives, and what is held back is counted`()
            async throws
        {
            try await withSystem("guarded") { system in
                let h1 = try system.machine("h1")
                let victim = try await system.address(of: "h1/victim")
                let ping = try await FastPing.start(from: "h1/alice", to: victim, every: 1, in: system)
                let arrived = try await forged("closed", in: system) {
                    for _ in 0..<Self.flushes { try await flushAndWait(h1, system) }
                }
                #expect(arrived == [0, 0], "\(arrived) forged packets arrived at \(Self.targets)")
                let (lost, sent) = try await ping.stop()
                print("\(Self.flushes) flushes: \(lost) of \(sent) allowed packets lost, one a millisecond")
                #expect(lost < sent)
                let metrics = "\(h1.directory)/run/metrics/node.prom"
                try await system.eventually("frames that were held back are counted, at ports and tunnels") {
                    let lines = try text(of: metrics).split(separator: "\n").filter { !$0.hasSuffix(" 0") }
                    return lines.contains { $0.hasPrefix("kc_drops_total") && $0.contains("\"closed\"") }
                        && lines.contains { $0.hasPrefix("kc_tunnel_closed_total{") }
                }

                // Without the gates of ports and tunnels the same packets arrive.
                let names = "for p in $(ip -br link | grep -oE '^kc[tx][a-z0-9]*')"
                _ = try await h1.command("sh", ["-c", "\(names); do tc qdisc del dev $p clsact || exit 1; done"])
                    .check("open", "gates")
                let unguarded = try await forged("open", in: system) {
                    for _ in 0..<5 { try await flushAndWait(h1, system) }
                }
                #expect(unguarded.allSatisfy { $0 > 0 }, "\(unguarded): the test cannot fail")
            }
        }

        private func flushAndWait(_ machine: Machine, _ system: System) async throws {
            try await machine.command("nft", ["flush", "ruleset"]).check("flush", "ruleset")
            try await system.eventually("the ruleset stands again") {
                try await machine.command("nft", ["list", "chain", "bridge", "kc", "to-port"]).run().isSuccess
            }
        }

        /// How many packets from mallory, in another's name, reach each target while `body` runs.
        private func forged(_ name: String, in system: System, _ body: () async throws -> Void) async throws -> [Int] {
            let alice = try await system.address(of: "h1/alice")
            let mallory = try #require(GuestPlace("h1/mallory"))
            let sender = try system.machine("h1")
            var ears: [(machine: Machine, role: String)] = []
            for target in Self.targets {
                let place = try #require(GuestPlace(target))
                let machine = try system.machine("\(place.host)")
                let address = try await system.address(of: target)
                let link = try await machine.command(inGuest: place.guest, "ip", ["-br", "link", "show", "eth0"])
                    .check("read", "the target's MAC")
                let mac = try #require(link.firstMatch(of: /([0-9a-f]{2}:){5}[0-9a-f]{2}/)).0
                let ear = "ear-\(place.guest)-\(name)"
                try start(ear, on: machine, in: "\(place.guest)", [Self.ear, "\(alice)"])
                ears.append((machine, ear))
                try await system.eventually("the ear hears") {
                    try text(of: machine.log(of: ear)).contains("ready")
                }
                try start(
                    "flood-\(place.guest)-\(name)", on: sender, in: "\(mallory.guest)",
                    [Self.flood, "\(alice)", "\(address)", "\(mac)"])
            }
            try await body()
            var heard: [Int] = []
            for (machine, ear) in ears {
                try await sender.stop("flood" + ear.dropFirst(3), signal: SIGTERM)
                try await machine.stop(ear, signal: SIGINT)
                let last = try text(of: machine.log(of: ear)).split(separator: "\n").last.flatMap { Int($0) }
                heard.append(try #require(last))
            }
            return heard
        }

        private func start(_ role: String, on machine: Machine, in guest: String, _ words: [String]) throws {
            try machine.start(
                role: role, "nsenter", ["--net=/run/netns/\(guest)", "--", "python3", "-c"] + words)
        }

        private func text(of file: String) throws -> String {
            String(decoding: try Data(contentsOf: URL(filePath: file)), as: UTF8.self)
        }

        /// UDP with another's source address, as fast as it goes, past the stack.
        private static let flood = """
            import socket, struct, sys
            source, target = (socket.inet_pton(socket.AF_INET6, a) for a in sys.argv[1:3])
            mac = bytes.fromhex(sys.argv[3].replace(":", ""))
            data = struct.pack(">HHHH", 9, 9, 8, 0)
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("eth0", 0))
            frame = mac + s.getsockname()[4] + struct.pack(">HIHBB", 0x86dd, 6 << 28, len(data), 17, 64) + source + target + data
            while True: s.send(frame.ljust(60, bytes(1)))
            """

        /// Counts what comes with that source, below the stack.
        private static let ear = """
            import signal, socket, sys
            source = socket.inet_pton(socket.AF_INET6, sys.argv[1])
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86dd)); s.bind(("eth0", 0x86dd))
            count = 0
            print("ready", flush=True)
            try:
                while True:
                    frame = s.recv(2048)
                    if frame[20] == 17 and frame[22:38] == source and frame[54:58] == b"\\0\\x09\\0\\x09": count += 1
            except KeyboardInterrupt: print(count, flush=True)
            """
    }
}
