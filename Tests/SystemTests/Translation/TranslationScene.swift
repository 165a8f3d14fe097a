import Addressing
import Laboratory
import NetworkModel
import Testing

/// Guests of `topology/nat64` and machines of its IPv4 world, talking with stock programs and `talk.py`.
struct TranslationScene: Sendable {
    let system: System

    /// 64:ff9b::/96 with the IPv4 address.
    static func seen(_ ipv4: String) -> String { "64:ff9b::\(ipv4)" }
    static let server = "192.88.99.66"
    static let narrow = "192.88.99.98"
    static let web = "192.88.99.10"
    static let db = "192.88.99.11"
    /// What senders without a mapping share.
    static let shared = "192.88.99.0"

    private static let script = "\(Checkout.root)/Tests/translation/talk.py"

    /// - Parameter place: `h1/web` for a guest, `server` for a machine.
    func run(_ place: String, _ words: String..., timeout: Duration = .seconds(40)) async throws -> Command.Result {
        let command: Command
        if let guest = GuestPlace(place) {
            command = try system.laboratory.machine(guest.host).command(
                inGuest: guest.guest, words[0], Array(words.dropFirst()), timeout: timeout)
        } else {
            command = try system.machine(place).command(words[0], Array(words.dropFirst()), timeout: timeout)
        }
        return try await command.run()
    }

    /// What `talk.py` says, without the line's end.
    func talk(_ place: String, _ mode: String, _ address: String, _ size: Int = 0) async throws -> String {
        let result = try await run(place, "/usr/bin/python3", Self.script, mode, address, "\(size)")
        return String(result.output.prefix { $0 != "\n" })
    }

    /// Starts a server that answers everybody, and waits until it listens.
    func serve(on place: String) async throws {
        let listen: String
        if let guest = GuestPlace(place) {
            listen = "::"
            try system.laboratory.machine(guest.host).start(
                role: "talk", "nsenter",
                ["--net=/run/netns/\(guest.guest)", "--", "/usr/bin/python3", Self.script, "serve", listen])
        } else {
            listen = "0.0.0.0"
            try system.machine(place).start(role: "talk", "/usr/bin/python3", [Self.script, "serve", listen])
        }
        try await system.eventually("\(place) serves") {
            try await run(place, "ss", "-Hltn", "sport = :7007").output.contains("LISTEN")
        }
    }

    /// Whether one ping is answered.
    func ping(_ place: String, _ words: String...) async throws -> Command.Result {
        let all = words.joined(separator: " ")
        return try await run(place, "sh", "-c", "exec ping -c1 -W2 \(all)")
    }

    /// The gateway's namespace on h1.
    func gateway() async throws -> String {
        let listed = try await system.machine("h1").command("ip", ["netns", "list"]).check("list", "namespaces")
        return try #require(
            listed.split(separator: "\n").compactMap { $0.split(separator: " ").first }.first {
                $0.hasPrefix("kcg-")
            }.map(String.init))
    }

    func inGateway(_ words: String...) async throws -> String {
        let namespace = try await gateway()
        return try await system.machine("h1").command("ip", ["netns", "exec", namespace] + words)
            .check("run in", namespace)
    }
}
