import HTTPTypes
import Hummingbird
import Resources

extension Request {
    /// Refuses a write with a condition (RFC 9110 section 13.1) that the route would not look at: whoever sets one relies on
    /// nothing being changed when it does not hold.
    ///
    /// Reads are not refused: there a condition only saves bytes. They answer in full always, because status is a part of the
    /// answer and none of the ETag.
    func refusePreconditions(but parameters: [Parameter]) throws(Problem) {
        guard method != .get, method != .head else { return }
        let known = parameters.filter { $0.place == .header }.map { $0.name.lowercased() }
        let conditions: [HTTPField.Name] = [.ifMatch, .ifNoneMatch, .ifModifiedSince, .ifUnmodifiedSince, .ifRange]
        for name in conditions where !known.contains(name.canonicalName) {
            guard let value = headers[name] else { continue }
            let rule =
                known.contains(HTTPField.Name.ifMatch.canonicalName)
                ? "is not for a write here: use If-Match with the ETag of a read" : "is not for this request"
            throw Problem(
                .malformed, "\(name.rawName): \(rule)", field: name.rawName, value: String(value.prefix(64)), rule: rule
            )
        }
    }
}
