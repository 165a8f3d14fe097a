import APIClient
import Addressing
import ArgumentParser
import Commands
import NetworkModel
import Resources

struct CaptureCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "capture",
        abstract: "Copy the frames of an attachment, from its port to the underlay, into a pcapng file.",
        discussion: """
            Asks the agent on the attachment's host, through the API. The kernel there filters by attachment, VNI, flow \
            and peer before anything is copied: frames of others never are. All points come into one file, each device \
            as an interface of its own; VXLAN is decoded by tshark and Wireshark on UDP port 4789.

                kcnet capture web tcp/443 -w web.pcapng
                kcnet capture web icmpv6 | tshark -r -

            Points: port, what the guest sends and gets; bridge, what other ports of the segment on the host exchange \
            with it; vxlan, before the tunnel; underlay, the outer packets. Without a role over all projects there is \
            the port alone. It ends after --seconds, after --bytes, or with Ctrl-C.
            """)

    @Argument(help: "The attachment's name or id.") var attachment: String
    @Argument(help: "tcp, udp, icmpv6 or icmp, with /PORT or /TYPE: of either end.") var flow: String?
    @Option(help: "Only packets from or to this IPv6 or IPv4 address.") var peer: String?
    @Option(help: "Where: any of \(CapturePoint.names), with commas. (default: all that you may see)")
    var points: String?
    @Option(name: .shortAndLong, help: "The file to write; it must not exist. (default: standard output)")
    var write: String?
    @Option(help: "How long, 1 to \(DesiredProbe.maximumSeconds) seconds.") var seconds = CaptureTask.standardSeconds
    @Option(
        help: """
            Bytes of each frame, \(CaptureTask.snapLengths.lowerBound) to \(CaptureTask.snapLengths.upperBound).
            """)
    var snap = CaptureTask.standardSnapLength
    @Option(help: "Frames a second over all points, 1 to \(CaptureTask.paces.upperBound); more are dropped.")
    var pace = CaptureTask.standardPace
    @Option(help: "Bytes of all frames after which it ends, to \(CaptureTask.byteLimits.upperBound).")
    var bytes = CaptureTask.standardBytes
    @OptionGroup var project: ProjectOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func validate() throws {
        if let flow { guard CaptureFlow(flow) != nil else { throw ValidationError("FLOW \(CaptureFlow.rule)") } }
        _ = try peerAddress()
        _ = try chosenPoints()
        for (name, value, range) in [
            ("--seconds", seconds, 1...DesiredProbe.maximumSeconds), ("--snap", snap, CaptureTask.snapLengths),
            ("--pace", pace, CaptureTask.paces), ("--bytes", bytes, CaptureTask.byteLimits),
        ] where !range.contains(value) {
            throw ValidationError("\(name) must be from \(range.lowerBound) to \(range.upperBound)")
        }
        if write == nil, Terminal.isTerminal {
            throw ValidationError(
                "a capture is not for a terminal: name a file with --write, or pipe it into tshark -r -")
        }
    }

    private func peerAddress() throws -> IPv6Address? {
        guard let peer else { return nil }
        // One of the two must read it.
        if let address = try? IPv4Address(parsing: peer) { return address.mapped }
        do { return try IPv6Address(parsing: peer) } catch {
            throw ValidationError("--peer '\(peer)' must be an IPv6 or IPv4 address")
        }
    }

    private func chosenPoints() throws -> [CapturePoint]? {
        try points?.split(separator: ",", omittingEmptySubsequences: false).map { text in
            guard let point = CapturePoint(rawValue: String(text)) else {
                throw ValidationError("--points '\(text)' must be one of \(CapturePoint.names)")
            }
            return point
        }
    }

    func run() async throws {
        let (peer, points) = (try peerAddress(), try chosenPoints())
        try await connection.withSession(project: project.project, format: .table) { session in
            let output = try CaptureOutput(path: write)
            Interruption.listen()
            let capture = try await session.client.makeCapture(project: session.project, attachment: attachment) {
                $0.member("flow", flow)
                $0.member("peer", peer)
                $0.member("points", points)
                $0.member("seconds", seconds)
                $0.member("snapLength", snap)
                $0.member("pace", pace)
                $0.member("bytes", bytes)
            }
            let writer = CaptureWriter(output, attachment: attachment, project: session.project, flow: flow)
            do { try await CaptureReading(session, attachment, capture, writer).run() } catch {
                await end(capture.id, session)
                throw error
            }
            await end(capture.id, session)
        }
    }

    private func end(_ id: ResourceID, _ session: Session) async {
        // It ends by itself soon; this only makes room earlier.
        try? await session.client.endCapture(project: session.project, attachment: attachment, id)
    }
}
