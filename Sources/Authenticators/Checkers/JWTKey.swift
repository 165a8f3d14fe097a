import Crypto
import FoundationEssentials
import Resources
import _CryptoExtras

/// A public key of a JWKS file (RFC 7517, RFC 7518 section 6, RFC 8037).
struct JWTKey: Sendable {
    enum Material: Sendable {
        case rsa(_RSA.Signing.PublicKey)
        case p256(P256.Signing.PublicKey)
        case ed25519(Curve25519.Signing.PublicKey)
    }

    var id: String?
    var material: Material

    /// The one algorithm that the key is for.
    var algorithm: String {
        switch material {
        case .rsa: "RS256"
        case .p256: "ES256"
        case .ed25519: "EdDSA"
        }
    }

    func hasSigned(_ bytes: [UInt8], _ signature: [UInt8]) -> Bool {
        switch material {
        case .rsa(let key):
            return key.isValidSignature(
                _RSA.Signing.RSASignature(rawRepresentation: Data(signature)), for: SHA256.hash(data: bytes),
                padding: .insecurePKCS1v1_5)
        case .p256(let key):
            // A signature of another length is none.
            guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
            return key.isValidSignature(signature, for: SHA256.hash(data: bytes))
        case .ed25519(let key): return key.isValidSignature(signature, for: bytes)
        }
    }

    /// Keys for encryption and of other types are passed over; a key of a known type that cannot be read is refused.
    static func parse(_ bytes: [UInt8], _ path: String) throws(CheckerFailure) -> [JWTKey] {
        let document: JSONNode
        do { document = try JSONParser.parse(bytes) } catch {
            throw CheckerFailure(path, line: error.line(in: bytes), error.rule)
        }
        guard case .array(let nodes)? = document["keys"]?.content else {
            throw CheckerFailure(path, "must be {\"keys\": [...]} (RFC 7517)")
        }
        var keys: [JWTKey] = []
        for (index, node) in nodes.enumerated() where node["use"]?.string ?? "sig" == "sig" {
            guard let type = node["kty"]?.string, ["RSA", "EC", "OKP"].contains(type) else { continue }
            guard let material = material(node, type) else {
                let line = 1 + bytes[..<node.raw.startIndex].count { $0 == 0x0a }
                throw CheckerFailure(
                    path, line: line, "keys[\(index)] must be RSA of 2048 bits or more, P-256 or Ed25519")
            }
            keys.append(JWTKey(id: node["kid"]?.string, material: material))
        }
        return keys
    }

    private static func material(_ node: JSONNode, _ type: String) -> Material? {
        func part(_ name: String) -> [UInt8]? { node[name]?.string.flatMap { JWTChecker.bytes($0) } }
        // A key that the library refuses is none; the caller says which.
        switch type {
        case "RSA":
            guard let modulus = part("n"), let exponent = part("e"), modulus.count >= 256, modulus.count <= 1024 else {
                return nil
            }
            return (try? _RSA.Signing.PublicKey(n: modulus, e: exponent)).map(Material.rsa)
        case "EC":
            guard node["crv"]?.string == "P-256", let x = part("x"), let y = part("y") else { return nil }
            return (try? P256.Signing.PublicKey(rawRepresentation: x + y)).map(Material.p256)
        default:
            guard node["crv"]?.string == "Ed25519", let x = part("x") else { return nil }
            return (try? Curve25519.Signing.PublicKey(rawRepresentation: x)).map(Material.ed25519)
        }
    }
}

extension JSONError {
    /// From 1.
    func line(in bytes: [UInt8]) -> Int { 1 + bytes.prefix(offset).count { $0 == 0x0a } }
}
