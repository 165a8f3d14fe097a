import FoundationEssentials
package import Persistence
package import Resources

/// JSON Web Tokens (RFC 7519) signed with RS256, ES256 or EdDSA by a key of a JWKS file (RFC 7517), which is read again when
/// it has changed.
///
/// The key says which algorithm it is for, never the token's header (RFC 8725 section 3.1): `none` and HMAC with a public
/// key as secret are unknown here. Issuer, audience and an expiry are demanded.
package struct JWTChecker: Checker {
    package struct Rules: Sendable {
        package var issuer: String
        package var audience: String
        /// The claim in which the issuer itself gives roles, as `{"everywhere": ROLE, "projects": {NAME: ROLE}}`; nil when
        /// it may not.
        package var claim: String?
        /// Roles by the token's subject.
        package var grants: [String: Grants]

        package init(issuer: String, audience: String, claim: String?, grants: [String: Grants]) {
            self.issuer = issuer
            self.audience = audience
            self.claim = claim
            self.grants = grants
        }
    }

    private let keys: WatchedFile<[JWTKey]>
    private let rules: Rules

    /// Milliseconds that clocks may differ.
    private static let leeway: Int64 = 30_000

    /// - Throws: when the file is no JWKS now.
    package init(
        path: String, rules: Rules, report: @escaping @Sendable (CheckerFailure) -> Void = { _ in }
    ) throws(CheckerFailure) {
        keys = WatchedFile(path, report) { bytes throws(CheckerFailure) in try JWTKey.parse(bytes, path) }
        self.rules = rules
        _ = try keys.content()
    }

    package var challenge: String? { "Bearer" }

    package func check(_ request: CheckedRequest, now: Timestamp) async throws(StoreError) -> Verdict {
        guard let token = request.bearer, !Secret.isToken(token), token.utf8.count <= 8192 else { return .pass }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Self.object(parts[0]), let payload = Self.object(parts[1]),
            let signature = Self.bytes(parts[2])
        else { return .pass }
        let keys = try self.keys.checked()
        let signed = Array("\(parts[0]).\(parts[1])".utf8)
        let isSigned = keys.contains { key in
            header["alg"]?.string == key.algorithm && header["crit"] == nil
                && (header["kid"]?.string.map { $0 == key.id } ?? true) && key.hasSigned(signed, signature)
        }
        guard isSigned else { return .deny("the token's signature is not one of a key that is known here") }
        return verdict(payload, now)
    }

    private func verdict(_ payload: JSONNode, _ now: Timestamp) -> Verdict {
        guard let expires = Self.seconds(payload["exp"]), now < expires.later(Self.leeway) else {
            return .deny("the token has expired, or does not say when it does")
        }
        if payload["nbf"] != nil {
            guard let begins = Self.seconds(payload["nbf"]), now.later(Self.leeway) >= begins else {
                return .deny("the token is not valid yet")
            }
        }
        guard payload["iss"]?.string == rules.issuer, Self.audiences(payload["aud"]).contains(rules.audience) else {
            return .deny("the token is from another issuer, or for another audience")
        }
        guard let subject = payload["sub"]?.string, (1...255).contains(subject.utf8.count),
            subject.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7f })
        else { return .deny("the token names no subject") }
        var grants = rules.grants[subject]
        if grants == nil, let claim = rules.claim, let node = payload[claim] {
            do throws(FieldError) { grants = try Grants(json: node, path: claim) } catch {
                return .deny("the token's claim '\(claim)' gives no roles: \(error)")
            }
        }
        guard let grants else { return .deny("the token's subject has no role here") }
        return .allow(.identity(Identity(name: "user/\(subject)", grants: grants, expires: expires.later(Self.leeway))))
    }

    private static func audiences(_ node: JSONNode?) -> [String] {
        guard case .array(let nodes)? = node?.content else { return node?.string.map { [$0] } ?? [] }
        return nodes.compactMap(\.string)
    }

    /// A NumericDate (RFC 7519 section 2), whole seconds.
    private static func seconds(_ node: JSONNode?) -> Timestamp? {
        guard case .number(let text)? = node?.content, let whole = text.split(separator: ".").first,
            let value = Int64(whole), (0...253_402_300_799).contains(value)
        else { return nil }
        return Timestamp(milliseconds: value * 1000)
    }

    private static func object(_ part: Substring) -> JSONNode? {
        // What is no JSON is no token of this kind.
        guard let bytes = bytes(part), let node = try? JSONParser.parse(bytes), case .object = node.content else {
            return nil
        }
        return node
    }

    /// base64url (RFC 4648 section 5), without padding.
    static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        guard text.utf8.allSatisfy({ $0 != 43 && $0 != 47 && $0 != 61 }) else { return nil }
        let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        let standard = String(text).replacing("-", with: "+").replacing("_", with: "/") + padding
        return Data(base64Encoded: standard).map(Array.init)
    }
}

extension Timestamp {
    fileprivate func later(_ milliseconds: Int64) -> Timestamp {
        Timestamp(milliseconds: self.milliseconds + milliseconds)
    }
}
