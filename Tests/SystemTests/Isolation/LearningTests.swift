import APIClient
import Addressing
import Glibc
import Laboratory
import NetworkModel
import Resources
import Testing
import Waiting

extension SystemTests {
    /// Addresses that guests give themselves, on two hosts with the kernel, an API and stock Linux guests.
    struct LearningTests {
        @Test func `a stock guest's stable and privacy addresses are learned, and reach across`() async throws {
            try await withSystem("two-hosts") { system in
                // RFC 7217, and RFC 8981 which the stack prefers for what it begins.
                let web = try #require(GuestPlace("h1/web"))
                let h1 = try system.machine("h1")
                try await h1.setSysctl(
                    "net/ipv6/conf/eth0/stable_secret", "2001:db8::1:2:3:4", inGuest: web.guest)
                try await h1.setSysctl("net/ipv6/conf/eth0/use_tempaddr", "2", inGuest: web.guest)
                for state in ["down", "up"] {
                    try await h1.command(inGuest: web.guest, "ip", ["link", "set", "eth0", state])
                        .check("restart", "eth0 of web")
                }
                var addresses: [IPv6Address] = []
                try await system.eventually("web has a stable and a temporary address") {
                    addresses = try await h1.addresses(ofGuest: web.guest)
                    return addresses.count >= 2
                }
                try await system.eventually("they are in web's status") {
                    try await system.learned(by: "web").isSuperset(of: addresses)
                }
                let db = try await system.address(of: "h2/db")
                for address in addresses {
                    try await system.eventually("\(address) reaches db") {
                        try await system.ping(from: "h1/web", source: address, to: db)
                    }
                }
            }
        }

        @Test func `nobody gets what another has on the other host, and the holder notices nothing`() async throws {
            try await withSystem("two-hosts") { system in
                let held = try await system.claim(0x77, at: "h1/web")
                try await system.eventually("web's is published") {
                    try await system.learned(by: "web").contains(held)
                }
                let db = try await system.address(of: "h2/db")
                let ping = try await FastPing.start(from: "h2/db", to: held, every: 5, in: system)
                try await system.add(held, at: "h2/db")
                try await system.eventually("db's stack finds it taken") {
                    try await system.hasFailed(held, at: "h2/db")
                }
                let (lost, sent) = try await ping.stop()
                #expect(lost == 0, "\(lost) of \(sent) were lost")
                // What other hosts publish is no drift.
                #expect(try AgentView(of: system.machine("h2"))?.driftRepairs == 0)
                #expect(try await !system.learned(by: "db").contains(held))
                #expect(try await system.ping(from: "h1/web", source: held, to: db))
            }
        }

        @Test func `an attacker who answers every detection stops no neighbour`() async throws {
            try await withSystem("two-hosts") { system in
                let evil = try #require(NamespaceName("evil"))
                let h1 = try system.machine("h1")
                try await h1.addGuest(evil)
                try await system.create(
                    Attachment.kind,
                    #"{"name":"evil","spec":{"segment":"blue","host":"h1","port":{"type":"namespace","namespace":"evil"}}}"#
                )
                try await system.waitUntilWired(Attachment.kind, "evil")
                try await system.eventually("the attacker is on the segment") {
                    try await !h1.addresses(ofGuest: evil).isEmpty
                }
                try h1.start(
                    role: "attack", "nsenter", ["--net=/run/netns/evil", "--", "atk6-dos-new-ip6", "eth0"])
                let db = try await system.address(of: "h2/db")
                for number in 0x81...0x84 {
                    let address = try await system.claim(UInt64(number), at: "h1/web")
                    #expect(try await system.ping(from: "h1/web", source: address, to: db))
                }
                let far = try await system.claim(0x85, at: "h2/db")
                #expect(try await system.ping(from: "h1/web", to: far))
                try await h1.stop("attack", signal: SIGKILL)
            }
        }

        @Test func `an attachment has 16 learned addresses, and the next is refused to its guest's face`() async throws
        {
            try await withSystem("two-hosts") { system in
                let before = try await system.learned(by: "web").count
                for number in 0..<(16 - before) { _ = try await system.claim(0x100 + UInt64(number), at: "h1/web") }
                try await system.eventually("16 are in its status") {
                    try await system.learned(by: "web").count == 16
                }
                let last = try await system.blue(0x200)
                try await system.add(last, at: "h1/web")
                try await system.eventually("the 17th fails") { try await system.hasFailed(last, at: "h1/web") }
                #expect(try await system.learned(by: "web").count == 16)
            }
        }

        @Test func `with the agent dead what there is forwards, and new claims wait for the next agent`() async throws {
            try await withSystem("two-hosts", warnings: ["the API is away", "report"]) { system in
                let known = try await system.claim(0x77, at: "h1/web")
                let db = try await system.address(of: "h2/db")
                #expect(try await system.ping(from: "h1/web", source: known, to: db))
                try await system.machine("h1").stop("node", signal: SIGKILL)
                let ping = try await FastPing.start(from: "h2/db", to: known, every: 5, in: system)
                let new = try await system.claim(0x78, beside: db, at: "h1/web")
                #expect(try await !system.ping(from: "h1/web", source: new, to: db))
                try system.machine("h1").restart("node")
                try await system.eventually("its first frames are heard") {
                    try await system.ping(from: "h1/web", source: new, to: db)
                }
                let (lost, sent) = try await ping.stop()
                #expect(lost == 0, "\(lost) of \(sent) were lost")
            }
        }

        @Test func `with the API away new claims are granted, and published when it is back`() async throws {
            try await withSystem("two-hosts", warnings: ["the API is away", "report"]) { system in
                let db = try await system.address(of: "h2/db")
                try await system.machine("api").stop("api", signal: SIGKILL)
                let new = try await system.claim(0x78, beside: db, at: "h1/web")
                #expect(try await system.ping(from: "h1/web", source: new, to: db))
                // An agent that starts now has it still.
                try await system.machine("h1").stop("node", signal: SIGKILL)
                try system.machine("h1").restart("node")
                try await system.eventually("the agent is in sync") {
                    try AgentView(of: system.machine("h1"))?.isInSync == true
                }
                #expect(try await system.ping(from: "h1/web", source: new, to: db))
                try system.machine("api").restart("api")
                try await system.laboratory.waitForAPI()
                try await system.eventually("it is published") {
                    try await system.learned(by: "web").contains(new)
                }
            }
        }
    }
}

extension System {
    /// An address of the segment `blue`.
    fileprivate func blue(_ number: UInt64) async throws -> IPv6Address {
        let segment = try await get(Segment.kind, "blue")
        let prefix = try IPv6Prefix(parsing: try #require(segment.status?["prefix"]?.string))
        return IPv6Address(high: prefix.address.high, low: number)
    }

    /// Gives a guest an address; its stack detects duplicates.
    fileprivate func add(_ address: IPv6Address, at place: String) async throws {
        let place = try #require(GuestPlace(place))
        try await machine(place.host.text).command(
            inGuest: place.guest, "ip", ["address", "add", "\(address)/64", "dev", "eth0"]
        ).check("add", "\(address)")
    }

    /// Gives a guest an address of `blue`, and waits until its stack uses it.
    /// - Parameter other: one of the segment; nil asks the API for its prefix.
    fileprivate func claim(
        _ number: UInt64, beside other: IPv6Address? = nil, at place: String
    ) async throws -> IPv6Address {
        let address = if let other { IPv6Address(high: other.high, low: number) } else { try await blue(number) }
        try await add(address, at: place)
        let place = try #require(GuestPlace(place))
        try await eventually("\(place) uses \(address)") {
            try await machine(place.host.text).addresses(ofGuest: place.guest).contains(address)
        }
        return address
    }

    /// Whether a guest's stack found that another has the address.
    fileprivate func hasFailed(_ address: IPv6Address, at place: String) async throws -> Bool {
        let place = try #require(GuestPlace(place))
        let text = try await machine(place.host.text).command(
            inGuest: place.guest, "ip", ["-6", "-oneline", "address", "show", "dev", "eth0", "dadfailed"]
        ).check("look at", "eth0")
        return text.contains("\(address)/")
    }

    /// What the API says an attachment has learned.
    fileprivate func learned(by attachment: String) async throws -> Set<IPv6Address> {
        let document = try await get(Attachment.kind, attachment)
        guard case .array(let addresses)? = document.status?["addresses"]?.content else { return [] }
        return Set(
            addresses.filter { $0["origin"]?.string == "learned" }
                .compactMap { $0["value"]?.string.flatMap { IPv6Address($0) } })
    }

    fileprivate func ping(from place: String, source: IPv6Address, to address: IPv6Address) async throws -> Bool {
        let place = try #require(GuestPlace(place))
        return try await machine(place.host.text).command(
            inGuest: place.guest, "ping",
            ["-6", "-n", "-c", "2", "-i", "0.3", "-W", "1", "-I", "\(source)", "\(address)"]
        ).run().isSuccess
    }
}
