import NIOCore
package import Persistence
package import Resources

/// Users of a directory (LDAP, RFC 4511), who prove themselves by a bind with their password, and have the roles of their
/// groups. Takes `Authorization: Basic` (RFC 7617).
///
/// Everything goes through TLS, with the server's name compared: `ldaps`, or StartTLS, without which nothing is sent. Each check
/// has a connection of its own and an end. Referrals and aliases are not followed. A directory that does not answer, or not
/// what it must, lets nobody in (503) and counts against nobody.
package final class LDAPChecker: Checker {
    private let server: LDAPServer
    private let rules: LDAPRules
    private let password: WatchedFile<[UInt8]>?
    private let patience: Duration
    private let report: @Sendable (CheckerFailure) -> Void
    /// A directory that has become slow is not asked ever more.
    private let places = CheckerPlaces()

    /// Groups of one user.
    static let maximumGroups = 1000

    /// - Parameters:
    ///   - reader: the fields of the checker.
    ///   - patience: until who asks has an answer.
    /// - Throws: with the field, or the file that cannot be read.
    package init(
        from reader: inout FieldReader, patience: Duration, report: @escaping @Sendable (CheckerFailure) -> Void
    ) throws {
        let url = try reader.required("url", as: String.self)
        let ca = try reader.optional("ca", as: String.self)
        rules = try LDAPRules(from: &reader)
        do throws(CheckerFailure) { server = try LDAPServer(url: url, ca: ca) } catch {
            throw FieldError(field: reader.path(of: ca == nil ? "url" : "ca"), rule: "cannot be used: \(error)")
        }
        self.patience = patience
        self.report = report
        password = rules.account.map { account in
            WatchedFile(account.passwordFile, report) { bytes throws(CheckerFailure) in
                let password = bytes.last == 0x0a ? bytes.dropLast() : bytes[...]
                guard (1...1024).contains(password.count), !password.contains(0) else {
                    throw CheckerFailure(account.passwordFile, "must be a password of 1 to 1024 bytes")
                }
                return Array(password)
            }
        }
        _ = try password?.content()
    }

    package var challenge: String? { #"Basic realm="kc", charset="UTF-8""# }

    package func check(_ request: CheckedRequest, now: Timestamp) async throws(StoreError) -> Verdict {
        guard let (name, password) = request.basic else { return .pass }
        // A bind without a password succeeds with every name: it is one of nobody (RFC 4513 section 5.1.2).
        guard !password.isEmpty, LDAPRules.isName(name) else { return .deny(HtpasswdChecker.refusal) }
        let found = await places.hold(for: request.peer.network) { () async -> Result<Grants?, any Error> in
            let deadline = NIODeadline.now() + .milliseconds(Int64(patience / .milliseconds(1)))
            do { return .success(try await grants(of: name, Array(password.utf8), until: deadline)) } catch {
                return .failure(error)
            }
        }
        guard let found else { return .busy(seconds: CheckerPlaces.patience) }
        do {
            guard let grants = try found.get() else { return .deny(HtpasswdChecker.refusal) }
            return .allow(.identity(Identity(name: "user/\(name)", grants: grants)))
        } catch { throw failed(CheckerFailure(server.place, reason(error))) }
    }

    /// nil for a wrong name or password, and for who has no role.
    private func grants(of name: String, _ secret: [UInt8], until deadline: NIODeadline) async throws -> Grants? {
        let connection = try await server.connect(until: deadline)
        defer { connection.close() }
        guard let user = try await entry(of: name, connection) else { return nil }
        switch try await connection.result(of: .bind(name: user, password: secret)) {
        case .success: break
        case .invalidCredentials, .invalidDNSyntax, .inappropriateAuthentication, .unwillingToPerform, .noSuchObject:
            return nil
        case let other: throw LDAPRefusal(what: "a user's bind", result: other)
        }
        var held = [rules.grants[name]]
        if let groups = rules.groups {
            try await bindOwn(connection)
            held += try await names(of: groups, with: groups.isByDN ? user : name, connection).map { groups.grants[$0] }
        }
        let grants = held.compactMap(\.self)
        return grants.isEmpty ? nil : grants.reduce(Grants()) { $0.joined(with: $1) }
    }

    /// The distinguished name of the only entry with the name; nil when there is none.
    private func entry(of name: String, _ connection: LDAPConnection) async throws -> String? {
        switch rules.users {
        case .template(let before, let after):
            return LDAPRules.isSpelledOneWay(name) ? before + LDAPText.escaped(name) + after : nil
        case .search(let base, let attribute, let objectClass):
            try await bindOwn(connection)
            let filter = LDAPFilter.of(objectClass, attribute, name)
            guard let found = try await connection.search(base, .subtree, filter, attribute: attribute, limit: 1) else {
                throw CheckerFailure(base, "has several users of one name, of whom none is let in")
            }
            // As the entry spells it: guesses at `Eva` and `eva` would be counted apart.
            guard let entry = found.first, !entry.name.isEmpty, entry.values.contains(Array(name.utf8)) else {
                return nil
            }
            return entry.name
        }
    }

    private func names(
        of groups: LDAPRules.Groups, with member: String, _ connection: LDAPConnection
    ) async throws -> [String] {
        let filter = LDAPFilter.of(groups.objectClass, groups.member, member)
        guard
            let found = try await connection.search(
                groups.base, .oneLevel, filter, attribute: groups.attribute, limit: Self.maximumGroups)
        else { throw CheckerFailure(groups.base, "has a user in more than \(Self.maximumGroups) groups") }
        return found.flatMap(\.values).compactMap { String(validating: $0, as: UTF8.self) }
    }

    /// From here on as the account that searches, if there is one.
    private func bindOwn(_ connection: LDAPConnection) async throws {
        guard let account = rules.account, let password else { return }
        let result = try await connection.result(of: .bind(name: account.name, password: try password.content()))
        guard result == .success else { throw LDAPRefusal(what: "the bind of '\(account.name)'", result: result) }
    }

    private func reason(_ error: any Error) -> String {
        switch error {
        case let failure as CheckerFailure: failure.description
        case let error as LDAPInterruption:
            switch error.failure {
            case .late: "must answer \(error.request) within \(patience)"
            case .closed: "closed the connection before it had answered \(error.request)"
            case .form: "answers \(error.request) with what nobody asked for, or what is no LDAP"
            case .tooMuch: "answers with more than \(LDAPExchange.maximumBytes) bytes"
            case .transport(let cause): "cannot be spoken to: \(cause)"
            }
        case is LDAPFormError: "answers what nobody asked for"
        default: "\(error)"
        }
    }

    private func failed(_ failure: CheckerFailure) -> StoreError {
        report(failure)
        return StoreError(.unavailable, operation: "check", cause: "the directory has failed")
    }
}

extension LDAPFilter {
    fileprivate static func of(_ objectClass: String?, _ attribute: String, _ value: String) -> LDAPFilter {
        let filter = LDAPFilter.equal(attribute: attribute, value: value)
        guard let objectClass else { return filter }
        return .all([.equal(attribute: "objectClass", value: objectClass), filter])
    }
}
