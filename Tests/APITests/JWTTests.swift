import Authenticators
import Crypto
import Foundation
import Persistence
import Resources
import Testing

/// JSON Web Tokens: three kinds of keys, and every token that must not be taken.
@Suite struct JWTTests {
    static let now = Timestamp(milliseconds: 1_800_000_000_000)
    static let p256 = P256.Signing.PrivateKey()
    static let ed25519 = Curve25519.Signing.PrivateKey()

    private static func url(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    private static func part(_ json: String) -> String { url(Array(json.utf8)) }

    private static let claims =
        #"{"iss":"https://id.example","aud":"kc","sub":"eva","exp":1800000060,"nbf":1800000000}"#

    private static func token(
        _ claims: String = claims, header: String = #"{"alg":"ES256","kid":"a"}"#,
        key: P256.Signing.PrivateKey = p256
    ) throws -> String {
        let signed = part(header) + "." + part(claims)
        return signed + "." + url(try key.signature(for: Data(signed.utf8)).rawRepresentation)
    }

    private func checker(_ folder: String, rsa: String = "") throws -> JWTChecker {
        let point = Array(Self.p256.publicKey.rawRepresentation)
        let keys = [
            #"{"kty":"EC","crv":"P-256","kid":"a","x":"\#(Self.url(point.prefix(32)))","y":"\#(Self.url(point.suffix(32)))"}"#,
            #"{"kty":"OKP","crv":"Ed25519","kid":"b","use":"sig","x":"\#(Self.url(Self.ed25519.publicKey.rawRepresentation))"}"#,
            #"{"kty":"EC","use":"enc","crv":"P-521","x":"","y":""}"#, rsa,
        ].filter { !$0.isEmpty }
        let path = folder + "/jwks.json"
        try #"{"keys":[\#(keys.joined(separator: ","))]}"#.write(toFile: path, atomically: true, encoding: .utf8)
        return try JWTChecker(
            path: path,
            rules: JWTChecker.Rules(
                issuer: "https://id.example", audience: "kc", claim: "kc",
                grants: ["eva": Grants(projects: ["default": .viewer])]))
    }

    private func check(_ checker: JWTChecker, _ token: String, at time: Timestamp = now) async throws -> Identity? {
        let request = CheckedRequest(
            authorization: "Bearer \(token)", method: "GET", path: "/", peer: .tcp("192.0.2.1"))
        guard case .allow(.identity(let identity)) = try await checker.check(request, now: time) else { return nil }
        return identity
    }

    @Test func `a token of a known key names its subject, whose roles are the file's or the issuer's`() async throws {
        try await withFolder { folder in
            let modulus = try await run(
                "/bin/sh",
                [
                    "-c",
                    "openssl genrsa -out \(folder)/key 2048 2>/dev/null && openssl rsa -in \(folder)/key -modulus -noout",
                ]
            ).output.trimmingCharacters(in: .whitespacesAndNewlines).dropFirst("Modulus=".count)
            let bytes = stride(from: 0, to: modulus.count, by: 2).compactMap { offset in
                UInt8(modulus.dropFirst(offset).prefix(2), radix: 16)
            }
            let checker = try checker(
                folder, rsa: #"{"kty":"RSA","kid":"r","n":"\#(Self.url(bytes))","e":"AQAB"}"#)
            #expect(try await check(checker, try Self.token())?.name == "user/eva")
            let signed = Self.part(#"{"alg":"EdDSA"}"#) + "." + Self.part(Self.claims)
            let edwards = signed + "." + Self.url(try Self.ed25519.signature(for: Data(signed.utf8)))
            #expect(try await check(checker, edwards)?.grants.projects == ["default": .viewer])
            let text = Self.part(#"{"alg":"RS256","kid":"r"}"#) + "." + Self.part(Self.claims)
            try text.write(toFile: folder + "/text", atomically: true, encoding: .utf8)
            let signature = try await run(
                "/bin/sh", ["-c", "openssl dgst -sha256 -sign \(folder)/key \(folder)/text | base64 -w0"]
            ).output
            let rsa = text + "." + Self.url(try #require(Data(base64Encoded: signature)))
            #expect(try await check(checker, rsa)?.name == "user/eva")
            let other = Self.claims.replacing(#""sub":"eva""#, with: #""sub":"ina","kc":{"everywhere":"viewer"}"#)
            #expect(try await check(checker, try Self.token(other))?.grants.everywhere == .viewer)
        }
    }

    @Test func `no other token is taken`() async throws {
        try await withFolder { folder in
            let checker = try checker(folder)
            let good = try Self.token()
            let parts = good.split(separator: ".").map(String.init)
            #expect(try await check(checker, good) != nil)
            func signed(_ old: String, _ new: String) throws -> String {
                let claims = Self.claims.replacing(old, with: new)
                #expect(claims != Self.claims)
                return try Self.token(claims)
            }
            let admin = Self.part(Self.claims.replacing("eva", with: "root"))
            let publicKey = SymmetricKey(data: Self.p256.publicKey.rawRepresentation)
            let forged = Self.part(#"{"alg":"HS256","kid":"a"}"#) + "." + parts[1]
            let mac = HMAC<SHA256>.authenticationCode(for: Data(forged.utf8), using: publicKey)
            let bad: [(String, String)] = [
                ("no signature", "\(Self.part(#"{"alg":"none"}"#)).\(parts[1])."),
                ("none with a signature", "\(Self.part(#"{"alg":"none"}"#)).\(parts[1]).\(parts[2])"),
                ("HMAC with the public key", forged + "." + Self.url(mac)),
                ("another algorithm", try Self.token(header: #"{"alg":"EdDSA","kid":"a"}"#)),
                ("another key", try Self.token(key: P256.Signing.PrivateKey())),
                ("another key's name", try Self.token(header: #"{"alg":"ES256","kid":"b"}"#)),
                ("what must be understood", try Self.token(header: #"{"alg":"ES256","crit":["x"],"x":1}"#)),
                ("other claims", "\(parts[0]).\(admin).\(parts[2])"),
                ("zero signature", "\(parts[0]).\(parts[1]).\(Self.url([UInt8](repeating: 0, count: 64)))"),
                ("expired", try signed("1800000060", "1799999900")), ("no end", try signed(#""exp":1800000060,"#, "")),
                ("a text as end", try signed("1800000060", #""1800000060""#)),
                ("not yet", try signed(#""nbf":1800000000"#, #""nbf":1800000100"#)),
                ("another issuer", try signed("id.example", "id.example.org")),
                ("another audience", try signed(#""aud":"kc""#, #""aud":["other","kc2"]"#)),
                ("a subject without roles", try signed(#""eva""#, #""ina""#)),
                ("a wrong claim", try signed(#""sub":"eva""#, #""sub":"ina","kc":{"everywhere":"root"}"#)),
                ("a line in its name", try signed(#""eva""#, #""e\nva""#)),
                ("claims twice", try signed(#""sub":"eva""#, #""sub":"ina","sub":"eva""#)),
            ]
            for (what, token) in bad { #expect(try await check(checker, token) == nil, "\(what)") }
            let late = Timestamp(milliseconds: Self.now.milliseconds + 91_000)
            #expect(try await check(checker, good, at: late) == nil)
        }
    }
}
