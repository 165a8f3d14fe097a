/// Why a request was not done, in the terms of RFC 9457.
package struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: String, Hashable, Sendable, CaseIterable {
        case malformed
        case unauthenticated
        case forbidden
        case notFound = "not-found"
        case methodNotAllowed = "method-not-allowed"
        case conflict
        case nameTaken = "name-taken"
        case inUse = "in-use"
        case protected
        case vniTaken = "vni-taken"
        case prefixTaken = "prefix-taken"
        case addressTaken = "address-taken"
        case macTaken = "mac-taken"
        case poolExhausted = "pool-exhausted"
        case quotaExceeded = "quota-exceeded"
        case compacted
        case preconditionFailed = "precondition-failed"
        case tooLarge = "too-large"
        case rangeNotSatisfiable = "range-not-satisfiable"
        case invalidField = "invalid-field"
        case rateLimited = "rate-limited"
        case headersTooLarge = "headers-too-large"
        case slowRequest = "slow-request"
        case `internal`
        case unavailable
        case timeout
        case storeFull = "store-full"

        /// The HTTP status (RFC 9110 section 15).
        package var status: Int {
            switch self {
            case .malformed: 400
            case .unauthenticated: 401
            case .forbidden: 403
            case .notFound: 404
            case .methodNotAllowed: 405
            case .slowRequest: 408
            case .conflict, .nameTaken, .inUse, .protected, .vniTaken, .prefixTaken, .addressTaken, .macTaken,
                .poolExhausted, .quotaExceeded:
                409
            case .compacted: 410
            case .preconditionFailed: 412
            case .tooLarge: 413
            case .rangeNotSatisfiable: 416
            case .invalidField: 422
            case .rateLimited: 429
            case .headersTooLarge: 431
            case .internal: 500
            case .unavailable: 503
            case .timeout: 504
            case .storeFull: 507
            }
        }

        package var title: String {
            switch self {
            case .malformed: "The request cannot be read"
            case .unauthenticated: "Who are you?"
            case .forbidden: "Not allowed"
            case .notFound: "There is no such thing"
            case .methodNotAllowed: "The path does not take this method"
            case .conflict: "The request conflicts with the present state"
            case .nameTaken: "The name is taken"
            case .inUse: "The resource is in use"
            case .protected: "The resource is protected"
            case .vniTaken: "The VNI is taken"
            case .prefixTaken: "The prefix is taken"
            case .addressTaken: "The address is taken"
            case .macTaken: "The MAC address is taken"
            case .poolExhausted: "No pool has a value left"
            case .quotaExceeded: "The project may not have more"
            case .compacted: "The revision is too old to watch from"
            case .preconditionFailed: "The resource has changed"
            case .tooLarge: "The request is too large"
            case .rangeNotSatisfiable: "There are no such bytes"
            case .invalidField: "A field is not valid"
            case .rateLimited: "Too many requests"
            case .headersTooLarge: "The header is too large"
            case .slowRequest: "The request did not arrive in time"
            case .internal: "The server failed"
            case .unavailable: "The server cannot do this now"
            case .timeout: "It took too long"
            case .storeFull: "The store is full"
            }
        }
    }

    package var code: Code
    /// One sentence a person can act on.
    package var detail: String
    package var field: String?
    package var value: String?
    package var rule: String?
    /// After how long it is worth while to ask again; nil when that cannot be told.
    package var retryAfterSeconds: Int?
    /// Of a range that is not there: how many bytes there are.
    package var wholeSize: UInt64?
    /// Of a batch: what is wrong with which of its operations; empty for a request about one resource.
    package var operations: [OperationProblem] = []

    package init(_ code: Code, _ detail: String, field: String? = nil, value: String? = nil, rule: String? = nil) {
        self.code = code
        self.detail = detail
        self.field = field
        self.value = value
        self.rule = rule
    }

    package init(_ error: FieldError) {
        self.init(
            .invalidField, error.description, field: error.field, value: error.value.isEmpty ? nil : error.value,
            rule: error.rule)
    }

    /// A field whose value breaks a rule that other resources make.
    package init(_ code: Code = .invalidField, field: String, value: String, rule: String) {
        self.init(
            code, FieldError(field: field, value: value, rule: rule).description, field: field, value: value, rule: rule
        )
    }

    package init(_ error: JSONError) { self.init(.malformed, error.description) }

    package var description: String { "\(code.rawValue): \(detail)" }
}

/// What is wrong with one operation of a batch.
package struct OperationProblem: Error, Hashable, Sendable {
    /// From 0, in the order of the request.
    package var index: Int
    package var kind: KindName
    /// The name or id as the operation gives it; nil when it gives none that can be read.
    package var item: String?
    package var problem: Problem

    package init(index: Int, kind: KindName, item: String?, problem: Problem) {
        self.index = index
        self.kind = kind
        self.item = item
        self.problem = problem
    }
}
