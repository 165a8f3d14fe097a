import Documents
import HTTPServing
import HTTPTypes
import Hummingbird
import NetworkService
import Resources

/// The picture of the cloud, for a browser: a page without scripts that needs nothing else and asks for itself again.
struct PictureRoutes: Sendable {
    let service: NetworkService

    /// How often the page is asked for again, in seconds.
    static let interval = 5

    var routes: [Route] { [page] }

    private var page: Route {
        Route(
            method: .get, path: "/topology", operation: "topology",
            summary: "Draws hosts, segments, attachments and gateways with the state of each, as a page for a browser.",
            access: .cluster(.read), mediaType: "text/html; charset=utf-8"
        ) { _ throws(Problem) in
            let svg = NetworkPicture(try await source()).svg()
            return .text(Array(Self.html(around: svg).utf8))
        }
    }

    private static func html(around svg: String) -> String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta http-equiv="refresh" content="\(interval)">
        <meta name="color-scheme" content="light dark">
        <title>KC</title>
        </head>
        <body>
        \(svg)
        </body>
        </html>

        """
    }

    private func source() async throws(Problem) -> NetworkPicture.Source {
        var source = NetworkPicture.Source()
        source.hosts = try await items(.host, nil)
        for project in try await all(.project, nil) {
            let name = project.name.text
            source.segments += try await items(.segment, name)
            source.attachments += try await items(.attachment, name)
            source.gateways += try await items(.gateway, name)
        }
        return source
    }

    private func items(_ kind: Kind, _ project: String?) async throws(Problem) -> [NetworkPicture.Source.Item] {
        try await all(kind, project).compactMap { item in
            // What this server wrote a moment ago it can read.
            guard let node = try? JSONParser.parse(kept: item.json) else { return nil }
            return .init(
                id: item.id, name: item.name.text, project: project, spec: node["spec"], status: node["status"])
        }
    }

    /// A project that is deleted meanwhile has none.
    private func all(_ kind: Kind, _ project: String?) async throws(Problem) -> [Item] {
        do throws(Problem) {
            return try await service.list(kind, project: project, limit: .max).items
        } catch {
            guard error.code == .notFound else { throw error }
            return []
        }
    }
}
