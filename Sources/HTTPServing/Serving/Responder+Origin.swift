import HTTPTypes
import Hummingbird
import Resources

extension Responder {
    /// Refuses what a page of another site has a browser do: a browser shows a password, a certificate or the way through a
    /// forwarded socket to whoever makes it ask, and says by `Origin` (RFC 6454) who that is whenever something may change.
    /// Clients that are no browsers have no such header.
    static func refuseOtherSites(_ request: Request) throws(Problem) {
        guard request.method != .get, request.method != .head, let origin = request.headers[.origin] else { return }
        let own = request.head.authority ?? ""
        guard !own.isEmpty, origin == "https://\(own)" || origin == "http://\(own)" else {
            throw Problem(.forbidden, "a page of another site may change nothing here")
        }
    }
}
