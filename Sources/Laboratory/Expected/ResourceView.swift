package import APIClient
import NetworkModel
package import Resources

/// The cluster as the API shows it at one moment, read for comparison.
package struct ResourceView: Sendable {
    package var hosts: [ResourceDocument]
    package var segments: [ResourceDocument]
    package var attachments: [ResourceDocument]
    package var gateways: [ResourceDocument]

    /// Reads the cluster's hosts and everything of the projects.
    package static func read(_ client: APIClient, projects: Set<Name>) async throws(LaboratoryError) -> ResourceView {
        func list(_ kind: KindName) async throws(LaboratoryError) -> [ResourceDocument] {
            var all: [ResourceDocument] = []
            for project in kind.isInProject ? projects.sorted() : projects.sorted().prefix(1).map(\.self) {
                do { all += try await client.list(ResourceCollection(kind, project: project.text)) } catch {
                    throw LaboratoryError(.program, operation: "list", subject: kind.plural, message: "\(error)")
                }
            }
            return all
        }
        return ResourceView(
            hosts: try await list(Host.kind), segments: try await list(Segment.kind),
            attachments: try await list(Attachment.kind), gateways: try await list(Gateway.kind))
    }

    package func host(_ name: Name) -> ResourceDocument? { hosts.first { $0.name == name } }

    package func segment(_ name: Name, in project: Name) -> ResourceDocument? {
        segments.first { $0.name == name && $0.project == project }
    }

    package func attachment(_ name: Name, in project: Name) -> ResourceDocument? {
        attachments.first { $0.name == name && $0.project == project }
    }

    package func gateway(_ name: Name, in project: Name) -> ResourceDocument? {
        gateways.first { $0.name == name && $0.project == project }
    }

    /// Those bound to a host.
    package func attachments(on host: Name) -> [ResourceDocument] { Self.bound(attachments, to: self.host(host)) }

    package func gateways(on host: Name) -> [ResourceDocument] { Self.bound(gateways, to: self.host(host)) }

    private static func bound(_ documents: [ResourceDocument], to host: ResourceDocument?) -> [ResourceDocument] {
        guard let host else { return [] }
        return documents.filter { $0.spec?["host"]?.string == host.id.description }
    }
}

/// One thing that is not as `expected/` says.
package struct Discrepancy: Hashable, Sendable, CustomStringConvertible {
    /// "segment blue", "host h1".
    package var subject: String
    package var message: String
    package var description: String { "\(subject): \(message)" }

    package init(_ subject: String, _ message: String) {
        self.subject = subject
        self.message = message
    }
}
