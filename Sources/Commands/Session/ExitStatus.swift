package import APIClient
import Documents
import Resources

/// What the exit code says (also in `kcnet --help` and docs/kcnet.md).
package enum ExitStatus: Int32 {
    case failure = 1
    case usage = 2
    case notFound = 3
    case conflict = 4
    case refused = 5
    case unreachable = 6
    case timedOut = 7

    package init(_ problem: APIProblem) {
        self =
            switch problem.status {
            case 401, 403: .refused
            case 404: .notFound
            case 409, 412: .conflict
            case 503: .unreachable
            default: .failure
            }
    }

    package init(_ failure: APIFailure) {
        self =
            switch failure.code {
            case .badEndpoint: .usage
            case .unreachable, .timedOut, .interrupted, .streamDead: .unreachable
            case .notTrusted: .refused
            case .tooLarge, .protocolViolation: .failure
            }
    }
}
