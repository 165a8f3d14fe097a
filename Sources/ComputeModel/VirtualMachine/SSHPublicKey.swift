package import Resources

/// One line of an authorized_keys file without options: type, blob in base64, comment.
///
/// The blob is taken apart (RFC 4253 section 6.6, RFC 5656 section 3.1, RFC 8709 section 4, OpenSSH's PROTOCOL.u2f), so
/// that what stands in a guest's authorized_keys is a key and nothing else.
package struct SSHPublicKey: Hashable, Sendable, CustomStringConvertible {
    package let type: KeyType
    /// The blob: the type's name, and the key's numbers.
    package let blob: [UInt8]
    /// Empty for none.
    package let comment: String

    /// Whose signatures today's OpenSSH accepts; `ssh-dss` is none of them.
    package enum KeyType: String, CaseIterable, Sendable {
        case ed25519 = "ssh-ed25519"
        case rsa = "ssh-rsa"
        case nistp256 = "ecdsa-sha2-nistp256"
        case nistp384 = "ecdsa-sha2-nistp384"
        case nistp521 = "ecdsa-sha2-nistp521"
        case securityKeyEd25519 = "sk-ssh-ed25519@openssh.com"
        case securityKeyNistp256 = "sk-ecdsa-sha2-nistp256@openssh.com"
    }

    /// RSA moduli in bits: below, OpenSSH refuses them or should; above, it refuses them too.
    package static let rsaBits = 2048...16_384
    package static let maximumCommentLength = 256
    /// A key of 16,384 bits is some 2,800 bytes.
    package static let maximumLength = 4096

    /// - Parameter path: for the error's `field`.
    package init(parsing text: String, path: String = "sshKey") throws(FieldError) {
        func refuse(_ rule: String) -> FieldError { FieldError(field: path, value: text, rule: rule) }
        guard text.utf8.count <= Self.maximumLength else {
            throw FieldError(
                field: path, value: "\(text.utf8.count) bytes", rule: "must be at most \(Self.maximumLength) bytes")
        }
        guard text.unicodeScalars.allSatisfy({ !Self.isControl($0) }) else {
            throw refuse("must be one line without control characters")
        }
        let words = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count >= 2, let type = KeyType(rawValue: String(words[0])) else {
            let types = KeyType.allCases.map(\.rawValue).joined(separator: ", ")
            throw refuse("must be a type, a key in base64 and a comment, without options; the types are \(types)")
        }
        guard let blob = Base64.decode(words[1]) else {
            throw refuse("must have its key in base64 (RFC 4648 section 4)")
        }
        comment = words.count > 2 ? String(words[2]) : ""
        guard comment.utf8.count <= Self.maximumCommentLength else {
            throw refuse("must have a comment of at most \(Self.maximumCommentLength) bytes")
        }
        if let rule = SSHBlob.broken(blob, type) { throw refuse(rule) }
        self.type = type
        self.blob = blob
    }

    /// C0, C1, DEL, and the separators of lines and paragraphs.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) || scalar.value == 0x2028 || scalar.value == 0x2029
    }

    package var description: String {
        "\(type.rawValue) \(Base64.encode(blob))" + (comment.isEmpty ? "" : " \(comment)")
    }

    static var shape: Shape {
        .text(TextShape(minimum: 1, maximum: maximumLength, rule: "must be 1 to \(maximumLength) bytes"))
    }
}

extension SSHPublicKey: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        try self.init(parsing: String(json: node, path: path), path: path)
    }
    package func write(to writer: inout JSONWriter) { writer.string(description) }
}

/// The inside of a key: strings behind their lengths (RFC 4251 section 5).
private struct SSHBlob {
    private var rest: ArraySlice<UInt8>

    /// The rule that a blob of that type breaks; nil for a good one.
    static func broken(_ bytes: [UInt8], _ type: SSHPublicKey.KeyType) -> String? {
        var blob = SSHBlob(rest: bytes[...])
        guard blob.string().map({ $0.elementsEqual(type.rawValue.utf8) }) == true else {
            return "must have the same type inside its key as outside"
        }
        let rule: String? =
            switch type {
            case .ed25519: blob.raw(32)
            case .rsa: blob.rsa()
            case .nistp256: blob.point("nistp256", 65)
            case .nistp384: blob.point("nistp384", 97)
            case .nistp521: blob.point("nistp521", 133)
            case .securityKeyEd25519: blob.raw(32) ?? blob.application()
            case .securityKeyNistp256: blob.point("nistp256", 65) ?? blob.application()
            }
        return rule ?? (blob.rest.isEmpty ? nil : "must have nothing behind its key")
    }

    private mutating func string() -> ArraySlice<UInt8>? {
        guard rest.count >= 4 else { return nil }
        let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        guard length <= rest.count - 4 else { return nil }
        let string = rest.dropFirst(4).prefix(length)
        rest = rest.dropFirst(4 + length)
        return string
    }

    private mutating func raw(_ length: Int) -> String? {
        string()?.count == length ? nil : "must have a key of \(length) bytes"
    }

    /// An uncompressed point (SEC 1 section 2.3.3): 4, x, y.
    private mutating func point(_ curve: String, _ length: Int) -> String? {
        guard string().map({ $0.elementsEqual(curve.utf8) }) == true else {
            return "must name the curve \(curve) inside"
        }
        guard let point = string(), point.count == length, point.first == 4 else {
            return "must have an uncompressed point of \(length) bytes"
        }
        return nil
    }

    /// What the authenticator signs for: "ssh:" and its kin.
    private mutating func application() -> String? {
        guard let text = string(), (1...255).contains(text.count), text.allSatisfy({ (0x21...0x7e).contains($0) })
        else {
            return "must have an application of 1 to 255 printable characters"
        }
        return nil
    }

    private mutating func rsa() -> String? {
        guard let exponent = positive(), let modulus = positive() else {
            return "must have positive numbers in its key"
        }
        guard exponent.count <= 8, let last = exponent.last, last & 1 == 1, exponent.count > 1 || last > 1 else {
            return "must have an odd exponent of 3 to 2^64"
        }
        let bits = modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0)
        guard SSHPublicKey.rsaBits.contains(bits), modulus.last.map({ $0 & 1 }) == 1 else {
            return
                "must be of \(SSHPublicKey.rsaBits.lowerBound) to \(SSHPublicKey.rsaBits.upperBound) bits (it has \(bits)) and odd"
        }
        return nil
    }

    /// An mpint above zero in its one form, without the zero in front.
    private mutating func positive() -> ArraySlice<UInt8>? {
        guard let number = string(), let first = number.first, first & 0x80 == 0 else { return nil }
        guard first == 0 else { return number }
        guard let second = number.dropFirst().first, second & 0x80 != 0 else { return nil }
        return number.dropFirst()
    }
}
