import HTTPServing
import Hummingbird
import NetworkModel
import NetworkService
import Resources

/// Moves of gateways' roles, and what gateways route.
struct GatewayRoutes: Sendable {
    let service: NetworkService

    private static let path = "/v1/projects/{project}/gateways/{item}/move"

    var routes: [Route] { [begin, read, cancel, list] }

    private var begin: Route {
        Route(
            method: .post, path: Self.path, operation: "moveGateway",
            summary: "Begins to give a gateway's role to another host or attachment; it goes on by itself.",
            access: .cluster(.update), parameters: [.minRevision], body: .named("GatewayMoveDraft"), status: .accepted,
            answer: .named("GatewayMove")
        ) { request throws(Problem) in
            let (json, revision) = try await service.moveGateway(
                project: request.value("project"), request.value("item"), to: try target(request),
                by: request.principal)
            return .json(json, written: revision)
        }
    }

    private var read: Route {
        Route(
            method: .get, path: Self.path, operation: "readGatewayMove",
            summary: "Says who has a gateway's role, who gets it, and what that waits for.", access: .cluster(.read),
            parameters: [.minRevision, .consistent], answer: .named("GatewayMove")
        ) { request throws(Problem) in
            .json(try await service.move(project: request.value("project"), request.value("item")))
        }
    }

    private var cancel: Route {
        Route(
            method: .post, path: Self.path + "/cancel", operation: "cancelGatewayMove",
            summary: "Undoes a move; 409 once the role has changed hands.", access: .cluster(.update),
            parameters: [.minRevision], answer: .named("GatewayMove")
        ) { request throws(Problem) in
            let (json, revision) = try await service.cancelMove(
                project: request.value("project"), request.value("item"), by: request.principal)
            return .json(json, written: revision)
        }
    }

    private var list: Route {
        Route(
            method: .get, path: "/v1/projects/{project}/gateways/{item}/routes", operation: "listGatewayRoutes",
            summary: "Lists what a managed gateway routes: segments, delegated prefixes, and its ways out.",
            access: .cluster(.read), parameters: [.minRevision, .consistent], answer: .named("GatewayRoutes")
        ) { request throws(Problem) in
            .json(try await service.routes(project: request.value("project"), request.value("item")))
        }
    }

    /// `{"to": host}` or `{"attachment": attachment}`, each by name or id.
    private func target(_ request: RouteRequest) throws(Problem) -> MoveTarget {
        do {
            var reader = try FieldReader(try request.document(), path: "")
            let host = try reader.optional("to", as: Reference<Host>.self)
            let attachment = try reader.optional("attachment", as: Reference<Attachment>.self)
            try reader.finish()
            switch (host, attachment) {
            case (let host?, nil): return .host(host)
            case (nil, let attachment?): return .attachment(attachment)
            default: throw FieldError(field: "to", rule: "must be there, or 'attachment', and not both")
            }
        } catch { throw Problem(reading: error) }
    }
}
