import APIClient
import ArgumentParser
import Commands
import Documents
import Resources

struct GatewayMoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "move",
        abstract: "Give the role of a gateway to another host or attachment, or show where it is.",
        discussion: """
            The next one is prepared beside the present one; when it is ready and every host of the segments admits it, the
            role changes hands at once. Until then --cancel leaves all as it was. Without options: what the move waits for.
            """)

    @Argument(help: "The gateway's name or id.") var gateway: String
    @Option(help: "The host that carries it then.") var to: String?
    @Option(help: "The attachment whose guest is the router then.") var attachment: String?
    @Flag(help: "Undo a move that has not changed hands.") var cancel = false
    @Option(
        help: ArgumentHelp(
            "Show each state until nothing is left of the former one, 60 s or as many as given.", valueName: "seconds"))
    var wait: Int?
    @OptionGroup var project: ProjectOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func validate() throws {
        guard [to != nil, attachment != nil, cancel].count(where: \.self) <= 1 else {
            throw ValidationError("--to, --attachment and --cancel exclude each other")
        }
        guard wait == nil || !cancel else { throw ValidationError("--cancel has nothing to wait for") }
        if let wait, wait < 1 { throw ValidationError("--wait needs at least 1 second") }
    }

    func run() async throws {
        try await connection.withSession(project: project.project, format: .table) { session in
            let client = session.client
            if cancel {
                let move = try await client.cancelMove(project: session.project, gateway)
                return Terminal.line("gateway \(gateway) stays on \(move.holder)")
            }
            var move: GatewayMoveDocument
            if to == nil, attachment == nil {
                move = try await client.move(project: session.project, gateway)
            } else {
                move = try await client.moveGateway(
                    project: session.project, gateway, host: to, attachment: attachment)
            }
            Self.show(move, of: gateway, after: nil)
            guard let wait else { return }
            try await follow(&move, session, seconds: wait)
        }
    }

    private func follow(_ move: inout GatewayMoveDocument, _ session: Session, seconds: Int) async throws {
        let start = ContinuousClock.now
        while move.phase != "settled" {
            let elapsed = ContinuousClock.now - start
            guard elapsed < .seconds(seconds) else {
                throw Complaint(
                    .timedOut,
                    "gateway \(gateway) is still \(move.phase) after \(seconds) s: \(move.waitsFor.joined(separator: "; "))",
                    next: move.phase == "preparing"
                        ? "`kcnet gateway move \(gateway) --cancel` leaves it where it was" : nil)
            }
            try await Task.sleep(for: .milliseconds(100))
            let now = try await session.client.move(project: session.project, gateway)
            if now != move { Self.show(now, of: gateway, after: ContinuousClock.now - start) }
            move = now
        }
    }

    private static func show(_ move: GatewayMoveDocument, of gateway: String, after time: Duration?) {
        let (seconds, attoseconds) = time?.components ?? (0, 0)
        let tenths = attoseconds / 100_000_000_000_000_000
        var text = "\(time == nil ? "" : "\(seconds).\(tenths) s  ")gateway \(gateway) \(move.phase) on \(move.holder)"
        if let next = move.next { text += ", next \(next)" }
        Terminal.line(DisplayText.safe(text))
        for reason in move.waitsFor { Terminal.line(DisplayText.safe("  waits: \(reason)")) }
    }
}
