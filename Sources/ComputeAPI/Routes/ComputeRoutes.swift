import ComputeService
import HTTPServing
import HTTPTypes
import Persistence
import Resources

/// The routes of one kind: list and watch, create, read, replace, delete, history, restore.
struct ComputeRoutes: Sendable {
    let kind: ComputeKind
    let service: ComputeService

    static func collection(_ kind: ComputeKind) -> String {
        "/compute/v1/" + (kind.name.isInProject ? "projects/{project}/" : "") + kind.name.plural
    }

    private var collection: String { Self.collection(kind) }
    private var item: String { collection + "/{item}" }
    private var one: String { kind.name.singular }
    private var aOne: String { ("aeiou".contains(one.prefix(1)) ? "an " : "a ") + one }
    private var word: String { ComputeSchemas.word(kind) }

    var routes: [Route] { [list, create, read, replace, delete, history, restore] }

    private var list: Route {
        Route(
            method: .get, path: collection, operation: "list\(word)s",
            summary: "Lists \(kind.name.plural) in the order of their creation, or watches them.", access: .kind(kind),
            parameters: [.selector, .limit, .continue, .minRevision, .consistent, .watch, .after],
            answer: .named("\(word)List")
        ) { request throws(Problem) in
            let (query, admission) = (request.query, request.admission)
            let selector = try query.selector()
            if try query.flag("watch") {
                for name in ["limit", "continue"] where query[name] != nil {
                    throw Problem(field: name, value: query[name] ?? "", rule: "is not for a watch")
                }
                let stream = ComputeWatch(
                    service: service, kind: kind, project: admission.project, item: nil, selector: selector,
                    principal: request.principal)
                let after = try await query.resumption(from: service.cache.revision) { freshness throws(Problem) in
                    try await service.await(freshness)
                }
                return .events(try stream.source(after: after))
            }
            try query.requireNoAfter()
            let page = try service.list(
                kind, in: admission.project, selector: selector, after: try query.place(), limit: try query.pageSize(),
                for: request.principal)
            return .json(render(page, admission.view))
        }
    }

    private func render(_ page: ComputePage, _ view: ComputeView) -> [UInt8] {
        ListPage.json(
            kind: "\(one)List", revision: page.revision, items: page.items, next: page.next, order: \.order,
            json: { $0.json(view) })
    }

    private var create: Route {
        Route(
            method: .post, path: collection, operation: "create\(word)", summary: "Creates \(aOne).",
            access: .kind(kind), parameters: [.minRevision], body: .named("\(word)Draft"), status: .created,
            answer: .named(word)
        ) { request throws(Problem) in
            try answer(
                try await service.create(
                    kind, in: request.admission.project, try request.document(), by: request.principal),
                request)
        }
    }

    private var read: Route {
        Route(
            method: .get, path: item, operation: "read\(word)", summary: "Reads or watches one \(one).",
            access: .kind(kind), parameters: [.minRevision, .consistent, .watch, .after], answer: .named(word)
        ) { request throws(Problem) in
            let (query, admission) = (request.query, request.admission)
            let item = try service.find(kind, in: admission.project, request.value("item"), for: request.principal)
            if try query.flag("watch") {
                let stream = ComputeWatch(
                    service: service, kind: kind, project: admission.project, item: item.id, selector: nil,
                    principal: request.principal)
                let after = try await query.resumption(from: service.cache.revision) { freshness throws(Problem) in
                    try await service.await(freshness)
                }
                return .events(try stream.source(after: after))
            }
            try query.requireNoAfter()
            return .json(item.json(admission.view), revision: item.revision)
        }
    }

    private var replace: Route {
        Route(
            method: .put, path: item, operation: "replace\(word)",
            summary: "Replaces name, labels, annotations, protection and spec of \(aOne); another name renames it.",
            access: .kind(kind), parameters: [.ifMatch, .minRevision], body: .named("\(word)Draft"),
            answer: .named(word)
        ) { request throws(Problem) in
            try answer(
                try await service.replace(
                    kind, in: request.admission.project, request.value("item"), try request.document(),
                    expecting: try request.headers.expectedRevision(), by: request.principal),
                request)
        }
    }

    private var delete: Route {
        Route(
            method: .delete, path: item, operation: "delete\(word)",
            summary: "Deletes \(aOne) that is neither protected nor in use.", access: .kind(kind),
            parameters: [.ifMatch, .minRevision], status: .noContent
        ) { request throws(Problem) in
            let written = try await service.delete(
                kind, in: request.admission.project, request.value("item"),
                expecting: try request.headers.expectedRevision(), by: request.principal)
            return .nothing(written: written.revision)
        }
    }

    private var history: Route {
        Route(
            method: .get, path: item + "/history", operation: "list\(word)History",
            summary: "Lists the kept revisions of \(aOne), newest first.", access: .kind(kind),
            parameters: [.minRevision, .consistent], working: 8 << 20, answer: .named("History")
        ) { request throws(Problem) in
            .json(
                try await service.history(
                    kind, in: request.admission.project, request.value("item"), for: request.principal))
        }
    }

    private var restore: Route {
        Route(
            method: .post, path: item + "/restore", operation: "restore\(word)",
            summary: "Makes an earlier revision of \(aOne) its newest.", access: .kind(kind),
            parameters: [.ifMatch, .minRevision], body: .named("Restore"), answer: .named(word)
        ) { request throws(Problem) in
            let generation: UInt64
            do {
                var reader = try FieldReader(try request.document(), path: "")
                generation = try reader.required("generation")
                try reader.finish()
            } catch { throw Problem(reading: error) }
            return try answer(
                try await service.restore(
                    kind, in: request.admission.project, request.value("item"), generation: generation,
                    expecting: try request.headers.expectedRevision(), by: request.principal),
                request)
        }
    }

    private func answer(_ written: ComputeWritten, _ request: RouteRequest) throws(Problem) -> Answer {
        try .written(written, request.admission.view)
    }
}

extension Answer {
    static func written(_ written: ComputeWritten, _ view: ComputeView) throws(Problem) -> Answer {
        guard let item = written.item else {
            // Written and acknowledged, and deleted or not yet shown by this server: the revision says where to look.
            throw Problem(
                .unavailable, "it was written at revision \(written.revision), which this server does not show yet")
        }
        return .json(item.json(view), revision: item.revision, written: written.revision)
    }
}

extension Query {
    func requireNoAfter() throws(Problem) {
        guard let after = self["after"] else { return }
        throw Problem(field: "after", value: after, rule: "is for a watch: add watch=true")
    }
}
