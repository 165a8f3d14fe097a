import HTTPServing
import HTTPTypes
import Hummingbird
import NetworkService
import Persistence
import Resources

/// The routes of one kind: list and watch, create, read, replace, delete, history, restore.
struct ResourceRoutes: Sendable {
    let kind: Kind
    let service: NetworkService
    let authenticator: any Authenticator

    private var collection: String {
        kind.name.isInProject ? "/v1/projects/{project}/\(kind.name.plural)" : "/v1/\(kind.name.plural)"
    }
    private var item: String { collection + "/{item}" }
    private var one: String { kind.name.singular }
    private var aOne: String { ("aeiou".contains(one.prefix(1)) ? "an " : "a ") + one }
    private var word: String { one.prefix(1).uppercased() + one.dropFirst() }

    var routes: [Route] { [list, create, read, replace, delete, history, restore] }

    private func project(_ request: RouteRequest) -> String? {
        kind.name.isInProject ? request.value("project") : nil
    }

    private var list: Route {
        Route(
            method: .get, path: collection, operation: "list\(word)s",
            summary: "Lists \(kind.name.plural) in the order of their creation, or watches them.",
            access: .kind(kind, .read),
            parameters: [.selector, .limit, .continue, .minRevision, .consistent, .watch, .after],
            answer: .named("\(word)List")
        ) { request throws(Problem) in
            let selector = try request.query.selector()
            if try request.query.flag("watch") {
                for name in ["limit", "continue"] where request.query[name] != nil {
                    throw Problem(field: name, value: request.query[name] ?? "", rule: "is not for a watch")
                }
                var owner: ResourceID?
                if let name = project(request) {
                    owner = try await service.project(name, for: request.principal).id
                }
                if !service.cache.isSynced { try await service.await(.any) }
                let stream = WatchStream(
                    service: service, kind: kind, project: owner, item: nil, selector: selector,
                    principal: request.principal, view: request.view)
                let after = try await request.query.resumption(from: service.cache.revision) {
                    freshness throws(Problem) in
                    try await service.await(freshness)
                }
                return .events(try stream.source(after: after))
            }
            try refuseAfter(request.query)
            let page = try await service.list(
                kind, project: project(request), selector: selector, after: try request.query.place(),
                limit: try request.query.pageSize(), for: request.principal)
            return .json(render(page, request.view))
        }
    }

    private func render(_ page: ItemPage, _ view: View) -> [UInt8] {
        ListPage.json(
            kind: "\(one)List", revision: page.revision, items: page.items, next: page.next, order: \.order,
            json: { $0.json(view) })
    }

    private var create: Route {
        Route(
            method: .post, path: collection, operation: "create\(word)", summary: "Creates \(aOne).",
            access: .kind(kind, .create), parameters: [.minRevision], body: .named("\(word)Draft"), status: .created,
            answer: .named(word)
        ) { request throws(Problem) in
            let secret = kind == .token ? authenticator.makeTokenSecret() : nil
            let written = try await service.create(
                kind, project: project(request), try request.document(), by: request.principal,
                tokenDigest: secret?.digest)
            return try answer(written, request.view, secret: secret?.text)
        }
    }

    private var read: Route {
        Route(
            method: .get, path: item, operation: "read\(word)", summary: "Reads or watches one \(one).",
            access: .kind(kind, .read), parameters: [.minRevision, .consistent, .watch, .after], answer: .named(word)
        ) { request throws(Problem) in
            let item: Item
            if let found = request.found {
                item = found
            } else {
                item = try await service.find(
                    kind, project: project(request), request.value("item"), for: request.principal)
            }
            if try request.query.flag("watch") {
                let stream = WatchStream(
                    service: service, kind: kind, project: item.projectID, item: item.id, selector: nil,
                    principal: request.principal, view: request.view)
                let after = try await request.query.resumption(from: service.cache.revision) {
                    freshness throws(Problem) in
                    try await service.await(freshness)
                }
                return .events(try stream.source(after: after))
            }
            try refuseAfter(request.query)
            return .json(item.json(request.view), revision: item.revision)
        }
    }

    private var replace: Route {
        Route(
            method: .put, path: item, operation: "replace\(word)",
            summary: "Replaces name, labels, annotations, protection and spec of \(aOne); another name renames it.",
            access: .kind(kind, .update), parameters: [.ifMatch, .minRevision], body: .named("\(word)Draft"),
            answer: .named(word)
        ) { request throws(Problem) in
            let written = try await service.replace(
                kind, project: project(request), request.value("item"), try request.document(),
                expecting: try request.headers.expectedRevision(), by: request.principal)
            return try answer(written, request.view)
        }
    }

    private var delete: Route {
        Route(
            method: .delete, path: item, operation: "delete\(word)",
            summary: "Deletes \(aOne) that is neither protected nor in use.", access: .kind(kind, .delete),
            parameters: [.ifMatch, .minRevision], status: .noContent
        ) { request throws(Problem) in
            var alongside = Alongside()
            if kind == .host {
                let host = try await service.find(.host, request.value("item"))
                do { alongside.changes = try await authenticator.revocation(of: host.id) } catch {
                    throw Problem(reading: error)
                }
            }
            let written = try await service.delete(
                kind, project: project(request), request.value("item"),
                expecting: try request.headers.expectedRevision(), by: request.principal, alongside: alongside)
            return .nothing(written: written.revision)
        }
    }

    private var history: Route {
        Route(
            method: .get, path: item + "/history", operation: "list\(word)History",
            summary: "Lists the kept revisions of \(aOne), newest first.", access: .kind(kind, .read),
            parameters: [.minRevision, .consistent], working: 8 << 20, answer: .named("\(word)History")
        ) { request throws(Problem) in
            .json(
                try await service.history(
                    kind, project: project(request), request.value("item"), for: request.principal))
        }
    }

    private var restore: Route {
        Route(
            method: .post, path: item + "/restore", operation: "restore\(word)",
            summary: "Makes an earlier revision of \(aOne) its newest.", access: .kind(kind, .update),
            parameters: [.ifMatch, .minRevision], body: .named("Restore"), answer: .named(word)
        ) { request throws(Problem) in
            let generation: UInt64
            do {
                var reader = try FieldReader(try request.document(), path: "")
                generation = try reader.required("generation")
                try reader.finish()
            } catch let error as FieldError {
                throw Problem(error)
            } catch let problem as Problem {
                throw problem
            } catch { throw Problem(.malformed, "\(error)") }
            let written = try await service.restore(
                kind, project: project(request), request.value("item"), generation: generation,
                expecting: try request.headers.expectedRevision(), by: request.principal)
            return try answer(written, request.view)
        }
    }

    /// - Parameter secret: of a token that was just made: shown now and never again.
    private func answer(_ written: Written, _ view: View, secret: String? = nil) throws(Problem) -> Answer {
        guard let item = written.item else {
            // Written and acknowledged, and deleted or not yet shown by this server: the revision says where to look.
            throw Problem(
                .unavailable, "it was written at revision \(written.revision), which this server does not show yet")
        }
        var json = item.json(view)
        if let secret { json = json.dropLast() + Array(#","secret":"\#(secret)"}"#.utf8) }
        return .json(json, revision: item.revision, written: written.revision)
    }

    private func refuseAfter(_ query: Query) throws(Problem) {
        guard let after = query["after"] else { return }
        throw Problem(field: "after", value: after, rule: "is for a watch: add watch=true")
    }
}
