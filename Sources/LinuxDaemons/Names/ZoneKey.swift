import Addressing
import Crypto
import DaemonConfigs
import NetworkModel
import NodePorts

/// A zone's private key in the forms that its name server and the zone above want.
struct ZoneKey {
    private let key: P256.Signing.PrivateKey

    /// - Throws: when the octets are no key of the curve.
    init(_ key: SigningKey) throws(NodeError) {
        do { self.key = try P256.Signing.PrivateKey(rawRepresentation: key.octets) } catch {
            throw NodeError(.program, operation: "read", subject: "the key of a zone", message: "it is none of P-256")
        }
    }

    /// PKCS #8. The caller keeps it secret.
    var pem: String { key.pemRepresentation + "\n" }

    /// RFC 4034 section 2.1: flags 257 (zone key, secure entry point), protocol 3, algorithm 13 (RFC 6605).
    private var recordData: [UInt8] { [1, 1, 3, 13] + Array(key.publicKey.rawRepresentation) }

    /// RFC 4034 appendix B.
    var tag: UInt16 {
        let sum = recordData.enumerated().reduce(UInt32(0)) { sum, octet in
            sum + (octet.offset % 2 == 0 ? UInt32(octet.element) << 8 : UInt32(octet.element))
        }
        return UInt16((sum + (sum >> 16 & 0xffff)) & 0xffff)
    }

    /// RFC 4509, in hex.
    func digest(_ domain: DomainName) -> String {
        var octets: [UInt8] = []
        for label in domain.labels { octets += [UInt8(label.utf8.count)] + Array(label.utf8) }
        return SHA256.hash(data: octets + [0] + recordData).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
            .joined()
    }

    /// The DS record for the zone above.
    func delegationSigner(_ domain: DomainName) -> String {
        "\(domain.absolute) IN DS \(tag) 13 2 \(digest(domain))"
    }
}
