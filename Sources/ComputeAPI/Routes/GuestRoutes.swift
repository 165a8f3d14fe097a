import ComputeModel
import ComputeService
import HTTPServing
import HTTPTypes
import Resources

/// What metadata services on hosts with gateways call. A host is told of guests whose gateway it is, and of no others.
struct GuestRoutes: Sendable {
    let guests: any GuestLookup

    var routes: [Route] { [guest] }

    private var guest: Route {
        Route(
            method: .get, path: "/compute/v1/hosts/{host}/guests/{attachment}", operation: "readGuest",
            summary:
                "What the VM behind an attachment may know of itself, for the host whose gateway offers services to it.",
            access: .networkHost, answer: .named("GuestFacts")
        ) { request throws(Problem) in
            guard let host = request.admission.networkHost, let attachment = ResourceID(request.value("attachment"))
            else { throw Problem(.notFound, "there is no such guest") }
            return .json(try await guests.facts(of: attachment, for: host).json)
        }
    }
}
