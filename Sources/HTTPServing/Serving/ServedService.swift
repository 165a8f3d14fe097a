package import HTTPTypes
package import Persistence
package import Resources

/// What serving HTTP needs of a service: who asks, whether that may, and how new an answer is.
package protocol ServedService: Sendable {
    /// Who may call a route, as the service's own rules put it.
    associatedtype Access: Sendable
    /// What a request was let in to: for its handler.
    associatedtype Admission: Sendable

    /// The `WWW-Authenticate` headers of a refusal.
    var challenges: [String] { get }

    /// Whether nobody need say who he is.
    func isForAnyone(_ access: Access) -> Bool

    /// Who asks. Called again while a stream is open.
    /// - Throws: `unauthenticated` for who is not known, or no longer; `forbidden` for who is, and has no business here.
    func authenticate(_ request: CheckedRequest, _ headers: HTTPFields) async throws(Problem) -> Principal

    /// Lets a request to a route through, or says why not.
    func admit(
        _ principal: Principal, to access: Access, _ values: RouteValues
    ) async throws(Problem) -> Admission

    /// Returns when reads show what was asked for.
    func await(_ freshness: Freshness) async throws(Problem)

    /// An admission after such a wait: what it had looked up may be older than what was waited for.
    func renewed(_ admission: Admission) -> Admission
}
