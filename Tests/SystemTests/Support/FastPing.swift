import Addressing
import Glibc
import Laboratory
import NetworkModel
import Testing

/// A ping every few milliseconds from a guest, until it is asked what was lost.
struct FastPing {
    let machine: Machine
    let role: String

    /// - Parameter milliseconds: between two packets.
    static func start(
        from place: String, to address: IPv6Address, every milliseconds: Int = 2, in system: System
    ) async throws -> FastPing {
        let place = try #require(GuestPlace(place))
        let machine = try system.laboratory.machine(place.host)
        let role = "ping-\(place.guest)"
        try machine.start(
            role: role, "nsenter",
            [
                "--net=/run/netns/\(place.guest)", "--", "ping", "-6", "-n", "-i", "\(Double(milliseconds) / 1000)",
                "-W", "1",
                "\(address)",
            ])
        let ping = FastPing(machine: machine, role: role)
        try await system.eventually("the ping runs") { try ping.replies().count > 10 }
        return ping
    }

    /// Waits until so many more packets have come back.
    func comesBack(_ more: Int, in system: System) async throws {
        let now = try replies().count
        try await system.eventually("\(role) is answered") { try replies().count >= now + more }
    }

    private func replies() throws -> Set<Int> {
        let text = String(decoding: try bytes(of: machine.log(of: role)), as: UTF8.self)
        var replies: Set<Int> = []
        for line in text.split(separator: "\n") where line.contains(" bytes from ") {
            guard let field = line.split(separator: " ").first(where: { $0.hasPrefix("icmp_seq=") }) else { continue }
            if let number = Int(field.dropFirst("icmp_seq=".count)) { replies.insert(number) }
        }
        return replies
    }

    /// Ends it.
    /// - Returns: packets without a reply, and how many there were. The very last one, whose reply the end itself may
    ///   have cut off, is not counted.
    func stop() async throws -> (lost: Int, sent: Int) {
        try await machine.stop(role, signal: SIGINT)
        let replies = try replies()
        let last = replies.max() ?? 0
        #expect(last < 65535, "sequence numbers must not have begun anew")
        return (last - replies.count, last)
    }
}

private func bytes(of file: String) throws -> [UInt8] {
    let fd = open(file, O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { throw LaboratoryError(.file, operation: "read", subject: file) }
    defer { close(fd) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
        let count = read(fd, &buffer, buffer.count)
        guard count > 0 else { return bytes }
        bytes += buffer[..<count]
    }
}
