import HTTPTypes
import Hummingbird
import NIOCore
import Persistence
import Resources

/// Who asks, and whether that may.
extension Responder {
    /// What the checker is shown.
    func checked(_ request: Request, _ path: String, _ match: RouteMatch) -> CheckedRequest {
        var project: String?
        if case .route(_, let values) = match { project = values["project"] }
        let origin = ConnectionOrigin.current
        let certificates = ConnectionOrigin.certificates
        return CheckedRequest(
            authorization: request.headers[.authorization], method: request.method.rawValue, path: path,
            project: project, peer: origin?.peer ?? .tcp(""), shown: origin?.shown,
            certificates: certificates.flatMap { $0.chain.isEmpty ? nil : $0 })
    }

    /// Who asks, unless too many were refused before him.
    func letIn(_ request: CheckedRequest, _ headers: HTTPFields, now: UInt64) async throws(Problem) -> Principal {
        try strangers.admit(request, now: now)
        do {
            let principal = try await service.authenticate(request, headers)
            let origin = ConnectionOrigin.current
            if origin?.letIn.isNew(request.authorization) ?? true {
                strangers.letIn(request)
                origin?.place.letIn()
            }
            return principal
        } catch {
            if error.code == .unauthenticated { strangers.refused(request, now: now) }
            throw error
        }
    }

    /// An answer that lasts ends soon after its client would no longer be let in as who it was: at most half a second for
    /// people and tokens, two for hosts, which are many.
    func whileLetIn(
        _ principal: Principal, _ request: CheckedRequest, _ headers: HTTPFields, _ channel: any Channel,
        _ answer: Answer
    ) -> Answer {
        let interval: Duration
        switch principal {
        case .identity: interval = .milliseconds(500)
        case .host: interval = .seconds(2)
        case .administrator, .joining: return answer
        }
        var request = request
        request.isOngoing = true
        let ongoing: AnnexResponse.Ongoing = { [request] body in
            try await withTicks(
                every: interval,
                {
                    // A store that does not answer takes nothing back.
                    do throws(Problem) {
                        if try await service.authenticate(request, headers) == principal { return }
                    } catch { if error.code != .unauthenticated { return } }
                    channel.close(promise: nil)
                }, while: body)
        }
        switch answer {
        case .events(let source): return .events { writer in try await ongoing { try await source(&writer) } }
        case .foreign(var response) where response.isOpenEnded:
            response.ongoing = ongoing
            return .foreign(response)
        case .json, .text, .nothing, .bytes, .foreign: return answer
        }
    }
}
