import APIClient
import ArgumentParser
import Commands
import Documents
import NetworkModel
import Resources

struct TopologyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topology",
        abstract: "Draw the cloud: hosts, segments, what is attached where, and how well each is.",
        discussion: """
            Without --project, of all projects that you may see. Hosts are shown to who has a role over all of them.

              kcnet topology                              a tree in the terminal
              kcnet topology --output svg > cloud.svg     a drawing for a browser
              kcnet topology --output dot | dot -Tpdf     for Graphviz
            """)

    enum Form: String, ExpressibleByArgument, CaseIterable { case text, dot, svg }

    @Option(name: .shortAndLong, help: "How to draw.") var output: Form = .text
    @Option(name: .shortAndLong, help: "Only this project.") var project: String?
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await connection.withSession(project: project, format: .table) { session in
            let picture = NetworkPicture(try await source(session))
            switch output {
            case .text: for line in picture.text(coloured: Terminal.isColoured) { Terminal.line(line) }
            case .dot: Terminal.print(picture.dot())
            case .svg: Terminal.print(picture.svg())
            }
        }
    }

    private func source(_ session: Session) async throws -> NetworkPicture.Source {
        var projects = [session.project]
        if project == nil {
            projects = try await session.client.list(ResourceCollection(Project.kind, project: "")).map(\.name.text)
        }
        var source = NetworkPicture.Source()
        do { source.hosts = try await items(Host.kind, [""], session) } catch let problem as APIProblem
            where problem.status == 403
        {
            // A tenant's cloud has none.
        }
        source.segments = try await items(Segment.kind, projects, session)
        source.attachments = try await items(Attachment.kind, projects, session)
        source.gateways = try await items(Gateway.kind, projects, session)
        return source
    }

    private func items(
        _ kind: KindName, _ projects: [String], _ session: Session
    ) async throws -> [NetworkPicture.Source.Item] {
        var items: [NetworkPicture.Source.Item] = []
        for project in projects {
            items += try await session.client.list(ResourceCollection(kind, project: project)).map { document in
                .init(
                    id: document.id, name: document.name.text, project: document.project?.text, spec: document.spec,
                    status: document.status)
            }
        }
        return items
    }
}
