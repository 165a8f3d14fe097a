import APIClient
import Addressing
import Glibc
import Laboratory
import NetworkModel
import Resources
import Testing

extension SystemTests {
    /// A gateway goes from host to host under its guests' traffic.
    struct MoveTests {
        private func gateways(on host: String, _ system: System) async throws -> [String] {
            try await system.machine(host).guestNamespaces().filter { $0.hasPrefix("kcg-") }
        }

        private func exports(of host: String, _ system: System) async throws -> Int {
            try await system.machine(host).ip("-6", "route", "show", "proto", "107").split(separator: "\n")
                .count { !$0.contains("unreachable") }
        }

        /// Every change of a guest's routes, until it is asked.
        private struct RouteMonitor {
            let machine: Machine
            let role: String

            init(_ place: String, in system: System) throws {
                let place = try #require(GuestPlace(place))
                machine = try system.laboratory.machine(place.host)
                role = "routes-\(place.guest)"
                try machine.start(
                    role: role, "nsenter", ["--net=/run/netns/\(place.guest)", "--", "ip", "-6", "monitor", "route"])
            }

            /// The default routes that went.
            func stop() async throws -> [String] {
                try await machine.stop(role, signal: SIGTERM)
                let text = try await machine.command("cat", [machine.log(of: role)]).check("read", "routes")
                return text.split(separator: "\n").map(String.init).filter { $0.hasPrefix("Deleted default") }
            }
        }

        private func defaultRoutes(_ place: String, _ system: System) async throws -> String {
            let place = try #require(GuestPlace(place))
            return try await system.laboratory.machine(place.host).command(
                inGuest: place.guest, "ip", ["-6", "route", "show", "default"]
            ).check("read routes of", "\(place)")
        }

        @Test func `a gateway moves there and back under traffic, and no guest loses its default route`() async throws {
            try await withSystem("moving") { system in
                let db = try await system.address(of: "h3/db")
                let guests = ["h1/web", "h2/app", "h3/db"]
                for guest in guests {
                    try await system.eventually("\(guest) has a default route") {
                        try await defaultRoutes(guest, system).contains("fe80::1")
                    }
                }
                for (from, to) in [("h1", "h2"), ("h2", "h1")] {
                    let monitors = try guests.map { try RouteMonitor($0, in: system) }
                    let pings = [
                        try await FastPing.start(from: "h1/web", to: db, every: 10, in: system),
                        try await FastPing.start(from: "h2/app", to: db, every: 10, in: system),
                    ]
                    let shown = try await system.kcnet("gateway", "move", "edge", "--to", to, "--wait", "60")
                    #expect(shown.contains("preparing on host \(from), next host \(to)"), "\(shown)")
                    #expect(shown.contains("settled on host \(to)"), "\(shown)")
                    try await system.eventually("nothing of it is left on \(from)") {
                        try await gateways(on: from, system).isEmpty
                    }
                    for ping in pings { try await ping.comesBack(100, in: system) }
                    for (ping, guest) in zip(pings, guests) {
                        let (lost, sent) = try await ping.stop()
                        print("moved \(from) to \(to): \(guest) lost \(lost) of \(sent) at 10 ms")
                        #expect(lost <= 30, "\(guest) was cut off for longer than 300 ms")
                    }
                    for monitor in monitors {
                        let gone = try await monitor.stop()
                        #expect(gone.isEmpty, "\(monitor.role)")
                    }
                    #expect(try await gateways(on: to, system).count == 1)
                    #expect(try await exports(of: from, system) == 0)
                    #expect(try await exports(of: to, system) == 2)
                    try await system.waitUntilWired(Gateway.kind, "edge")
                }
            }
        }

        @Test func `a move that cannot be finished is undone, and leaves the hosts as they were`() async throws {
            try await withSystem("moving", warnings: ["the API is away"]) { system in
                let before = try await system.dumps()
                let h2 = try system.machine("h2")
                // The next host's agent dies while it prepares.
                try #require(try h2.daemon("node")).process.signal(SIGSTOP)
                try await system.kcnet("gateway", "move", "edge", "--to", "h2")
                try await h2.stop("node", signal: SIGKILL)
                try await system.eventually("the move says why it waits", within: .seconds(30)) {
                    try await system.kcnet("gateway", "move", "edge").contains("host 'h2' is not up")
                }
                let web = try await system.address(of: "h1/web")
                #expect(try await system.ping(from: "h3/db", to: web))
                let undone = try await system.kcnet("gateway", "move", "edge", "--cancel")
                #expect(undone.contains("stays on host h1"), "\(undone)")
                _ = try h2.restart("node")
                try await system.settle()
                try await system.eventually("all is as before") { try await system.dumps() == before }
                // Killed again while it prepares, it goes on where it was.
                try await system.kcnet("gateway", "move", "edge", "--to", "h2")
                try await h2.stop("node", signal: SIGKILL)
                _ = try h2.restart("node")
                try await system.eventually("the gateway is on h2", within: .seconds(60)) {
                    try await system.kcnet("gateway", "move", "edge").contains("settled on host h2")
                }
                #expect(try await system.ping(from: "h3/db", to: web))
            }
        }

        @Test func `a dead host loses its gateway, and is silent when it comes back`() async throws {
            try await withSystem("moving", warnings: ["the API is away"]) { system in
                let h1 = try system.machine("h1")
                let db = try await system.address(of: "h3/db")
                try await h1.stop("node", signal: SIGKILL)
                let monitor = try RouteMonitor("h2/app", in: system)
                try await system.kcnet("gateway", "move", "edge", "--to", "h2")
                try await system.eventually("the role is on h2", within: .seconds(60)) {
                    try await system.kcnet("gateway", "move", "edge").contains("leaving on host h2")
                }
                // Its data path lives on without an agent; it goes when the agent is back, without a word to guests.
                _ = try h1.restart("node")
                try await system.eventually("h1 is clear", within: .seconds(60)) {
                    let isSettled = try await system.kcnet("gateway", "move", "edge").contains("settled on host h2")
                    let isClear = try await gateways(on: "h1", system).isEmpty
                    return isSettled && isClear
                }
                #expect(try await monitor.stop().isEmpty)
                #expect(try await system.ping(from: "h2/app", to: db))
                #expect(try await system.ping(from: "h1/web", to: db))
            }
        }
    }
}
