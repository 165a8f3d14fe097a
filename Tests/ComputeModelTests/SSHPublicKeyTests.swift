import ComputeModel
import Resources
import SeededRandomness
import Testing

/// Keys as ssh-keygen writes them, and things that are no keys.
@Suite struct SSHPublicKeyTests {
    static let ed25519 =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPWf0bKHMTNR9b8XJzMl/7NpcWkLZKVNiJeeMdGuJ0P9 ed25519-256@example"

    @Test(arguments: [
        ed25519,
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDC9EQ4PWZY54Sc07Aqd+IgHNO+1CKsQC7mNoLiFkRI9kFcBWVK7QdtFmKn2ZvVgBHoWnP+qjLKwi3o3h2JvYbExKvwQ9NOyr53JFi3nnrMej+Y6hKVBl9i+ed7ZTAnflvQdvOE4vL0p8oBYy3sqeppiqQP7ONnCjAI5+qhDHotLAUnXy/STaWVyoZll2A4aKwm2tLLonNh6bQFGfUD52Fhuc0F29hwYFK3uO1SS9Q7dSsnQou5yrZ+5xZ1psivmKUbqmLPMLjHE+o5MVFgNgklYSYbX8oP8fKnbKsyJN4QuGlhAmnzFGOSCCJgePCqove+Iaf1zkDY3jvCQwT4FjAN rsa-2048@example",
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBMux3VjFioImX7h0+eIl+VGrT6OCbN4Xb6llWUk2yrOSUPmN06bNA2qc4q53kkqriwpazIUdyKtFwMgssvpk2EQ= ecdsa-256@example",
        "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBESg+cy8Pv92bbdFORTHVyumRL+cuEDAewwTQgcdnF8ZDmom0gDC3Cv3LkV92r1zG9bBtl9NJu3n1gLS9G4pKbc1j5x5dptCepn/kTejdJ0gUF7mNz+YEn8Fm9b0e/qtOQ== ecdsa-384@example",
        "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAAWSXTKPta6MTc7Il2PFNhatm0yqmp/acsjARFf3nR42jhJRfekJuzexGI5pZxT5Kan9LgFv1qMnfnkBpC2F5z81ABRkFfeU6dXyXVZ/gBN+41GreAGhHWFYxhgnAmusPgGkd6C6e4pXkM9Kc11nTZ9RNvh/vXPDJwiBVhrNVmN3yu+MQ== ecdsa-521@example",
    ])
    func `keys of ssh-keygen are read and written alike`(line: String) throws {
        let key = try SSHPublicKey(parsing: line)
        #expect(key.description == line)
        #expect(key.comment.hasSuffix("@example"))
        let bare = try SSHPublicKey(parsing: line.split(separator: " ").prefix(2).joined(separator: " "))
        #expect(bare.comment.isEmpty && bare.blob == key.blob)
    }

    static let weak =
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDEiz6qCGd//6Hq4VDt3mFOol+tDz8z+wkCjoWfKIojFkwCjlmaiUmquZxfPOi1aypjGjCrGVoWOcSfeZKbFyHhvkAE3XPr1e43i1N31c6g3mbOB3sY1O5BkUq1L3FnO2rkxRYJB8PWyD0uX5fzO5YkUTywhxkt73atrd0TLIkAnQ== rsa-1024@example"
    static let dsa =
        "ssh-dss AAAAB3NzaC1kc3MAAACBANE5ll1Q2KE2UUnuCjlyLlqoLd9BbWBeDqO/YupUuN9/Sb9sl3sISXXBpPjMtboipzTKcJP1paTQ1shDwqCNbEPw9lvySrJ+BDZgQJoXyDf9oblWOtwQPa74utD008A/YlpGdLBRXBFpkfSV7zKgMcOrBXrvUdw/SYC2jnBu5h9XAAAAFQCwGVKPdiSUeUCdMLizfOaUYeWvqQAAAIEAxUf7YdBcAjmPIRb7KgP+hta6xE9pn327maUN7RgHUUUW7svz3cb6Xb4FfSxoSyx59cn0XFdRTR7kcaKzc/IL+XTwsAo3wdlf16kSihkM+D1H4XNw2uKIXiBjtkiwu3jCuStTGbDI3PxrmGiuiXeZfIcho607JOpKS4yH6GfdoxUAAACBAIzq5wQEtaDutjKXdlSB3JlosdweRU2egqryJ6hSV9yugiGEPGcQNBAa+Ufeu2LZyc3x7BJcyN70etux7dMcyq/rxHKUo0crC/+1lZJi0Gi3afXw69GXln+fGoIBOTXQ32oPqcT0zUTCE0+lqF2sE5TzdKHzrmIdyemcyWaUCT0p dsa-1024@example"

    /// A blob of strings, in base64 under that type.
    static func line(_ type: String, _ strings: [[UInt8]], behind: [UInt8] = []) -> String {
        let blob = strings.flatMap { string in
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: string.count >> $0) } + string
        }
        return "\(type) \(base64(blob + behind))"
    }

    /// Not the one of the target.
    static func base64(_ bytes: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        let bits = bytes.flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 } }
        var text = ""
        for start in stride(from: 0, to: bits.count, by: 6) {
            let group = bits[start..<min(start + 6, bits.count)]
            text.append(digits[group.reduce(0) { $0 << 1 | Int($1) } << (6 - group.count)])
        }
        return text + String(repeating: "=", count: (4 - text.count % 4) % 4)
    }

    static let secret = [UInt8](repeating: 7, count: 32)
    static let odd = [UInt8](repeating: 0x7f, count: 256)

    @Test func `keys of security tokens are read`() throws {
        let type = "sk-ssh-ed25519@openssh.com"
        let line = Self.line(type, [Array(type.utf8), Self.secret, Array("ssh:".utf8)])
        #expect(try SSHPublicKey(parsing: line).type == .securityKeyEd25519)
        let other = "sk-ecdsa-sha2-nistp256@openssh.com"
        let point = [4] + [UInt8](repeating: 9, count: 64)
        let strings = [Array(other.utf8), Array("nistp256".utf8), point, Array("ssh:".utf8)]
        #expect(try SSHPublicKey(parsing: Self.line(other, strings)).type == .securityKeyNistp256)
    }

    @Test(arguments: [
        "", "ssh-ed25519", "ssh-ed25519 ", "ssh-ed25519 AAAA", "ssh-ed25519 !!!!", weak, dsa, " \(ed25519)",
        "\(ed25519)\n", "\(ed25519)\n\(ed25519)", "\(ed25519)\r", "\(ed25519)\u{2028}x", "\(ed25519)\u{0}",
        "command=\"/bin/sh\" \(ed25519)", "no-pty \(ed25519)", "ssh-rsa \(ed25519.dropFirst(12))",
        "\(ed25519)\(String(repeating: "x", count: 300))", String(repeating: "A", count: 100_000),
        // One character of the key gone, one bit of the padding set.
        ed25519.replacing("AAAAC3", with: "AAAC3"),
        line("ssh-ed25519", [Array("ssh-ed25519".utf8), secret], behind: [0]),
        line("ssh-ed25519", [Array("ssh-ed25519".utf8), Array(secret.dropLast())]),
        line("ssh-ed25519", [Array("ssh-ed25519\0".utf8), secret]), line("ssh-ed25519", [secret]),
        line(
            "ecdsa-sha2-nistp256", [Array("ecdsa-sha2-nistp256".utf8), Array("nistp384".utf8), [4] + secret + secret]),
        line(
            "ecdsa-sha2-nistp256", [Array("ecdsa-sha2-nistp256".utf8), Array("nistp256".utf8), [2] + secret + secret]),
        // RSA: even exponent, exponent one, even modulus, a modulus with a needless zero, a negative one, a huge one.
        line("ssh-rsa", [Array("ssh-rsa".utf8), [1, 0], odd]), line("ssh-rsa", [Array("ssh-rsa".utf8), [1], odd]),
        line("ssh-rsa", [Array("ssh-rsa".utf8), [1, 0, 1], odd.dropLast() + [2]]),
        line("ssh-rsa", [Array("ssh-rsa".utf8), [1, 0, 1], [0] + odd]),
        line("ssh-rsa", [Array("ssh-rsa".utf8), [1, 0, 1], [0x80] + odd]),
        line("ssh-rsa", [Array("ssh-rsa".utf8), [1, 0, 1], [UInt8](repeating: 0x7f, count: 2200)]),
        line("ssh-rsa", [Array("ssh-rsa".utf8), [1, 0, 1], odd], behind: [0xff, 0xff, 0xff, 0xff]),
    ])
    func `what is no key is refused`(line: String) {
        let error = #expect(throws: FieldError.self) { try SSHPublicKey(parsing: line, path: "spec.sshKeys[0]") }
        #expect(error?.field == "spec.sshKeys[0]")
    }

    @Test func `an RSA key of 2048 bits made by hand is a key, so that its broken kin are refused for their fault`()
        throws
    {
        #expect(throws: FieldError.self) {
            try SSHPublicKey(parsing: Self.line("ssh-rsa", [Array("ssh-rsa".utf8), [1, 0, 1], Self.odd]))
        }
        let modulus = [0] + [UInt8](repeating: 0xff, count: 256)
        #expect(
            try SSHPublicKey(parsing: Self.line("ssh-rsa", [Array("ssh-rsa".utf8), [1, 0, 1], modulus])).type == .rsa)
    }

    @Test func `whatever bytes come, nothing traps, and what is accepted is one line that is read again`() throws {
        var random = SeededGenerator(printedFor: "SSH keys")
        let good = Array(Self.ed25519.utf8)
        for _ in 0..<20_000 {
            var bytes = good
            for _ in 0...Int.random(in: 0...2, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0...2, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                default: bytes.insert(UInt8.random(in: 0...127, using: &random), at: place)
                }
            }
            // Most are refused; what for does not matter here.
            guard let key = try? SSHPublicKey(parsing: String(decoding: bytes, as: UTF8.self)) else { continue }
            #expect(!key.description.contains { $0.isNewline })
            #expect(try SSHPublicKey(parsing: key.description) == key)
        }
    }
}
