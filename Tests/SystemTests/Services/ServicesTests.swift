import APIClient
import Addressing
import FoundationEssentials
import Glibc
import Laboratory
import NetworkModel
import Resources
import Testing

extension SystemTests {
    /// Services for guests: real guests on two hosts, the gateway's proxy, and the consumer of `topology/services`.
    struct ServicesTests {
        private func startConsumer(_ system: System) throws {
            try system.machine("h1").start(
                role: "consumer", "\(system.laboratory.folder.path)/who", ["/run/kc/services/who"])
        }

        /// A guest that asks, by an address of its choice: prints what it is answered, or how it is refused.
        private static let client = """
            import socket, sys
            link = socket.if_nametoindex("eth0")
            source, place = sys.argv[1:]
            family, rest = (socket.AF_INET6, (0, link)) if ":" in place else (socket.AF_INET, ())
            guest = socket.socket(family)
            guest.settimeout(2)
            guest.bind((source, 0) + rest)
            try:
                guest.connect((place, 80) + rest)
                guest.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
                print(guest.makefile().read())
            except OSError as error:
                print(type(error).__name__)
            """

        /// What a guest is answered, or the name of an error.
        private func ask(
            _ place: String, by source: String = "::", at service: String = "fe80::1", in system: System
        ) async throws -> String {
            let place = try #require(GuestPlace(place))
            return try await system.laboratory.machine(place.host).command(
                inGuest: place.guest, "python3", ["-c", Self.client, source, service]
            ).check("ask in", "\(place)")
        }

        private func id(_ name: String, in system: System) async throws -> String {
            try await system.get(Attachment.kind, name).id.description
        }

        private func serviceIsWired(_ system: System, sourceLocation: SourceLocation = #_sourceLocation) async throws {
            try await system.eventually("the service is there", sourceLocation: sourceLocation) {
                try await system.phase(GuestService.kind, "who") == "wired"
            }
        }

        @Test func `each guest is known by its own id, on whichever host and segment it is`() async throws {
            try await withSystem("services", warnings: ["proxy-"]) { system in
                try startConsumer(system)
                try await serviceIsWired(system)
                for (place, name) in [("h1/near", "near"), ("h2/far", "far"), ("h1/other", "other")] {
                    let id = try await id(name, in: system)
                    try await system.eventually("\(place) is told who it is") {
                        try await ask(place, in: system).contains(id)
                    }
                }
                for (place, name) in [("h2/far", "far"), ("h1/other", "other")] {
                    #expect(
                        try await ask(place, at: "fe80::a9fe:a9fe", in: system).contains(id(name, in: system)),
                        "\(name)")
                }
                // Where the segment has IPv4, and DHCP says who leads there.
                try await StockClient("h2/far", in: system).bindIPv4(with: .dhcpcd)
                let answer = try await ask("h2/far", by: "0.0.0.0", at: "169.254.169.254", in: system)
                #expect(try await answer.contains(id("far", in: system)), "\(answer)")
                #expect(answer.contains("::ffff:a09:"), "\(answer)")
                // The same address on two segments is two guests.
                let h1 = try system.machine("h1")
                for guest in ["near", "other"] {
                    try await h1.command(
                        inGuest: try #require(NamespaceName(guest)), "ip",
                        ["address", "add", "fe80::77/64", "dev", "eth0"]
                    ).check("add", "address")
                }
                for name in ["near", "other"] {
                    let id = try await id(name, in: system)
                    try await system.eventually("\(name) is told who it is by that address") {
                        let answer = try await ask("h1/\(name)", by: "fe80::77", in: system)
                        return answer.contains(id) && answer.contains(#""source": "fe80::77""#)
                    }
                }
            }
        }

        @Test func `a guest that poses as another gets nothing`() async throws {
            try await withSystem("services", warnings: ["proxy-"]) { system in
                try startConsumer(system)
                try await serviceIsWired(system)
                let far = try await system.machine("h2").linkLocal(ofGuest: try #require(NamespaceName("far")))
                let stolen = try #require(far).description
                let near = try #require(NamespaceName("near"))
                try await system.machine("h1").command(
                    inGuest: near, "ip", ["address", "add", "\(stolen)/64", "dev", "eth0", "nodad"]
                ).check("steal", stolen)
                func heard() throws -> String {
                    try String(contentsOfFile: try system.machine("h1").log(of: "consumer"), encoding: .utf8)
                }
                #expect(try await ask("h1/near", by: stolen, in: system) == "TimeoutError\n")
                #expect(try !heard().contains(stolen))
                // Its own address goes on, and so does the other guest.
                try await system.machine("h1").command(
                    inGuest: near, "ip", ["address", "del", "\(stolen)/64", "dev", "eth0"]
                ).check("give back", stolen)
                for (place, name) in [("h1/near", "near"), ("h2/far", "far")] {
                    let id = try await id(name, in: system)
                    try await system.eventually("\(place) is itself") {
                        try await ask(place, in: system).contains(id)
                    }
                }
                // The log would have shown it.
                #expect(try heard().contains(stolen))
            }
        }

        @Test func `without its consumer a service refuses at once and says so, and is back with it`() async throws {
            try await withSystem("services", warnings: ["proxy-"]) { system in
                try await system.eventually("the status names the consumer") {
                    let status = try await system.get(GuestService.kind, "who").status
                    return status?["phase"]?.string == "failed"
                        && status?["message"]?.string?.contains("/run/kc/services/who") == true
                }
                try await system.eventually("a guest is refused and not left waiting") {
                    try await ask("h1/near", in: system) == "ConnectionResetError\n"
                }
                let doctor = try await system.doctor(of: "h1")
                #expect(
                    doctor.contains("'who' of project 'default' is failed: ")
                        && doctor.contains("warn  service"), "\(doctor)")
                try startConsumer(system)
                try await serviceIsWired(system)
                #expect(try await ask("h1/near", in: system).contains("200 OK"))
                try await system.machine("h1").stop("consumer", signal: SIGKILL)
                try await system.eventually("its end is seen") {
                    try await system.phase(GuestService.kind, "who") == "failed"
                }
            }
        }

        @Test func `guests do not notice a restart of the agent, and a killed proxy is back at once`() async throws {
            try await withSystem("services", warnings: ["proxy-", "the API is away"]) { system in
                try startConsumer(system)
                try await serviceIsWired(system)
                let id = try await id("near", in: system)
                try await system.eventually("it is served") {
                    try await ask("h1/near", in: system).contains(id)
                }
                async let restart: Void = system.restartAgent(on: "h1", signal: SIGKILL)
                for _ in 0..<10 { #expect(try await ask("h1/near", in: system).contains(id)) }
                try await restart
                #expect(try await ask("h1/near", in: system).contains(id))
                for signal in ["KILL", "STOP"] {
                    try await system.machine("h1").command(
                        "sh", ["-c", "kill -\(signal) $(cat /run/kc/daemons/proxy-*/pid)"]
                    ).check("signal", "kc-proxy")
                    let begun = ContinuousClock.now
                    try await system.eventually("it is back after SIG\(signal)", within: .seconds(20)) {
                        try await ask("h1/near", in: system).contains(id)
                    }
                    print("kc-proxy is back \(begun.duration(to: .now)) after SIG\(signal)")
                }
            }
        }

        @Test func `a guest has so many connections at a time and no more`() async throws {
            try await withSystem("services", warnings: ["proxy-"]) { system in
                try startConsumer(system)
                try await serviceIsWired(system)
                let near = try #require(NamespaceName("near"))
                let program = """
                    import socket
                    place = ("fe80::1", 80, 0, socket.if_nametoindex("eth0"))
                    held, refused = [], 0
                    for _ in range(6):
                        one = socket.socket(socket.AF_INET6)
                        one.settimeout(0.5)
                        try:
                            one.connect(place)
                            held.append(one)
                            one.recv(1)
                        except TimeoutError:
                            pass
                        except ConnectionResetError:
                            refused += 1
                    print(refused)
                    """
                try await system.eventually("two of six are refused") {
                    try await system.machine("h1").command(inGuest: near, "python3", ["-c", program])
                        .check("connect", "near").filter(\.isNumber) == "2"
                }
                // The other guest is not touched by that.
                #expect(try await ask("h2/far", in: system).contains("200 OK"))
            }
        }
    }
}
