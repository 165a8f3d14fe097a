import Dispatch
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import Persistence
import Resources

/// Turns a request into a response: route, who asks, body, handler; and never lets an error out that is not a problem
/// document.
struct Responder<Service: ServedService>: Sendable {
    let table: RouteTable
    /// In the order of the table.
    let routes: [Route<Service>]
    let service: Service
    let annexes: [any Annex]
    let metrics: Metrics
    let held: HeldMemory
    let rates: RequestRates
    let strangers: StrangerRates
    /// How long a client may read nothing of its answer.
    let patience: Duration
    let logger: Logger

    /// The longest target (path and query) of a request, in bytes.
    private static var maximumTarget: Int { 8192 }

    func respond(to request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel) async throws {
        let start = DispatchTime.now().uptimeNanoseconds
        let id = RequestID(request.headers)
        let path = request.uri.path
        let isHead = request.method == .head
        let match = table.match(isHead ? .get : request.method, path)
        let checked = checked(request, path, match)
        var index: Int?
        if case .route(let found, _) = match { index = found }
        var principal: Principal?
        var share = HeldMemory.Share()
        defer { held.giveBack(share) }
        var response: Response
        do throws(Problem) {
            let answer = try await answer(request, match, checked, id, &principal, &share, start)
            if isHead, case .events = answer { throw Self.noStream }
            // The body is read, and the answer takes its place; who asks with HEAD gets none.
            let isDone = request.method != .get && !isHead
            try held.hold(isHead ? 0 : answer.heldBytes, &share, isDone: isDone)
            let lasting = principal.map { whileLetIn($0, checked, request.headers, channel, answer) } ?? answer
            let form = index.map { AnswerForm(status: routes[$0].status, mediaType: routes[$0].mediaType) }
            response = Response(
                lasting, form ?? AnswerForm(), channel: channel, patience: patience, metrics: metrics)
        } catch {
            held.giveBack(share)
            share = HeldMemory.Share()
            response = Response(error, requestID: id)
            if error.code == .tooLarge { response = response.closing(channel) }
            if error.code == .unauthenticated { response.headers[values: .wwwAuthenticate] = service.challenges }
        }
        if isHead { response = response.headOnly() }
        response.headers.append(HTTPField(name: .requestID, value: id.text))
        let nanoseconds = DispatchTime.now().uptimeNanoseconds - start
        metrics.record(route: index, status: response.status.code, nanoseconds: nanoseconds)
        log(request, response, id, principal, nanoseconds)
        try await writer.write(response: response.head, body: response.body)
    }

    private func answer(
        _ request: Request, _ match: RouteMatch, _ checked: CheckedRequest, _ id: RequestID,
        _ principal: inout Principal?, _ share: inout HeldMemory.Share, _ start: UInt64
    ) async throws(Problem) -> Answer {
        guard (request.head.path ?? "").utf8.count <= Self.maximumTarget else {
            throw Problem(.headersTooLarge, "the target of the request is longer than \(Self.maximumTarget) bytes")
        }
        try Self.refuseOtherSites(request)
        if case .route(let found, _) = match, service.isForAnyone(routes[found].access) {
        } else {
            // Who has not said who he is does not learn which paths exist either.
            let asking = try await letIn(checked, request.headers, now: start)
            principal = asking
            share = HeldMemory.Share(HeldMemory.Holder(asking))
            try rates.admit(asking, now: start)
        }
        switch match {
        case .nothing:
            if let annex = annexes.first(where: { checked.path.hasPrefix($0.prefix + "/") }), let principal {
                // In the form that names a server too (RFC 9112 section 3.2.2) it would be read again, and differently.
                guard request.head.path?.hasPrefix(annex.prefix + "/") == true else {
                    throw Problem(.malformed, "the target must be a path: \(annex.prefix)/…")
                }
                let body = try await collect(request, atMost: annex.maximumBody, &share)
                rates.addForeign(body.count, by: principal, now: start)
                return .foreign(
                    try await annex.respond(
                        to: AnnexRequest(
                            method: request.method, target: request.head.path ?? "", headers: request.headers,
                            body: body, principal: principal, id: id.text)))
            }
            throw Problem(.notFound, "there is no path \(checked.path.prefix(200)); see /openapi.json")
        case .wrongMethod(let allowed):
            throw Problem(
                .methodNotAllowed,
                "\(request.method.rawValue.prefix(32)) is not for this path; it takes \(allowed.joined(separator: ", "))"
            )
        case .route(let found, let values):
            let route = routes[found]
            let principal = principal ?? .administrator(via: "nobody")
            var admission = try await service.admit(principal, to: route.access, values)
            try request.refusePreconditions(but: route.parameters)
            let query =
                try request.uri.query.map { text throws(Problem) in
                    try Query(text, allowed: route.parameters.filter { $0.place == .query }.map(\.name))
                } ?? Query()
            try await prepareStream(request, route, query)
            let body = route.body == nil ? [] : try await collect(request, atMost: route.maximumBody, &share)
            rates.add(body.count, by: principal, now: start)
            if route.working > 0 { try held.hold(body.count + route.working, &share) }
            let freshness = try query.freshness()
            if freshness != .any {
                try await service.await(freshness)
                admission = service.renewed(admission)
            }
            return try await route.handle(
                RouteRequest(
                    values: values, query: query, headers: request.headers, body: body, principal: principal,
                    admission: admission))
        }
    }

    /// Reads that went well are many and tell little: they are at `debug`.
    private func log(
        _ request: Request, _ response: Response, _ id: RequestID, _ principal: Principal?, _ nanoseconds: UInt64
    ) {
        let isPlain =
            (request.method == .get || request.method == .head || request.uri.path.hasSuffix("/lease"))
            && response.status.code < 400
        logger.log(
            level: isPlain ? .debug : .info, "request",
            metadata: [
                "id": "\(id.text)", "method": "\(request.method.rawValue)", "path": "\(request.uri.path.prefix(200))",
                "status": "\(response.status.code)", "who": "\(principal?.description ?? "-")",
                "microseconds": "\(nanoseconds / 1000)",
            ])
    }
}
