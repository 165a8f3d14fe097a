import APIClient
import Addressing
import ArgumentParser
import Commands
import Documents
import NetworkModel
import Resources

struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Show how an address is translated between IPv6 and IPv4, both ways, with counters.",
        discussion: """
            ADDRESS is an IPv4 address, also one inside a segment, the same behind a gateway's prefix (64:ff9b::192.0.2.1), or an attachment's. The
            counters are asked of the gateway's agent, through the API; they begin at 0 when its translator is made.
            """)

    @Argument(help: "The address.") var address: String
    @OptionGroup var project: ProjectOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    /// How long an agent that is up takes at most to answer.
    private static let patience = Duration.seconds(10)

    func validate() throws {
        if IPv4Address(address) != nil { return }
        // The mixed form of RFC 4291 section 2.2 is what people write here.
        do { _ = try IPv6Address(parsing: address) } catch {
            throw ValidationError("'\(address)' is no IPv4 or IPv6 address: \(error)")
        }
    }

    func run() async throws {
        try await connection.withSession(project: project.project, format: output.output) { session in
            let mappings = try await documents(of: Mapping.kind, session)
            let attachments = try await documents(of: Attachment.kind, session)
            if let ipv4 = IPv4Address(address) {
                let inside = InsideAddress.all(
                    ipv4, attachments: attachments, segments: try await documents(of: Segment.kind, session),
                    mappings: mappings)
                guard inside.isEmpty else { return show(inside, session) }
            }
            let finder = TranslationFinder(
                gateways: try await documents(of: Gateway.kind, session), mappings: mappings, attachments: attachments)
            var found =
                try IPv4Address(address).map(finder.translations)
                ?? finder.translations(of: IPv6Address(parsing: address))
            guard !found.isEmpty else {
                throw Complaint(
                    .notFound, "nothing in project '\(session.project)' translates \(address)",
                    next: "`kcnet mapping list` and `kcnet gateway list -o wide` show what is translated")
            }
            for index in found.indices {
                found[index].report = try await ask(found[index].gateway, session)
            }
            guard session.format.isTable else {
                return session.print(JSONNode(.array(found.map(\.json))))
            }
            for translation in found {
                for line in translation.lines(coloured: Terminal.isColoured) { Terminal.line(line) }
            }
        }
    }

    private func show(_ inside: [InsideAddress], _ session: Session) {
        guard session.format.isTable else { return session.print(JSONNode(.array(inside.map(\.json)))) }
        for line in inside.flatMap(\.lines) { Terminal.line(line) }
    }

    private func documents(of kind: KindName, _ session: Session) async throws -> [ResourceDocument] {
        try await session.client.list(ResourceCollection(kind, project: session.project))
    }

    private func ask(_ gateway: String, _ session: Session) async throws -> TranslationReport? {
        let probe = try await session.client.probeTranslation(project: session.project, gateway: gateway)
        let start = ContinuousClock.now
        while true {
            let document = try await session.client.probe(project: session.project, probe.id)
            if let (host, result) = document.results.first, let result {
                // It ends by itself soon; this only makes room earlier.
                try? await session.client.endProbe(project: session.project, probe.id)
                guard result.phase != .failed else {
                    Terminal.error(
                        "kcnet: host \(host) cannot tell counters: \(result.message ?? "it did not say why")")
                    return nil
                }
                return result.translation
            }
            if ContinuousClock.now - start > Self.patience {
                // How it is translated is known all the same.
                Terminal.error(
                    "kcnet: the host of gateway '\(gateway)' has not answered, so there are no counters; "
                        + "`kcnet host list` shows whether its agent is up")
                return nil
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}
