import Commands

/// The public keys that `--ssh-key` names.
enum PublicKeys {
    /// - Parameter text: a key, or the path of a file with some.
    static func read(_ text: String) throws -> [String] {
        // A key itself: type and data, which no path of a sane person looks like. Whether it is a good one, its check says.
        if text.contains(" "), ["ssh-", "ecdsa-", "sk-"].contains(where: { text.hasPrefix($0) }) { return [text] }
        let content: String
        do { content = try LocalFile.read(text, maximum: 1 << 20) } catch {
            throw Complaint(
                .usage, "cannot read --ssh-key \(text): \(error)",
                next: "give the file of a public key, mostly ~/.ssh/id_ed25519.pub; `ssh-keygen -t ed25519` makes one")
        }
        guard !content.hasPrefix("-----BEGIN") else {
            throw Complaint(
                .usage, "\(text) is a private key, which nobody else may see",
                next: "give its public half: \(text).pub")
        }
        let lines = content.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("#") }.map(String.init)
        guard !lines.isEmpty else { throw Complaint(.usage, "there is no key in \(text)") }
        return lines
    }
}
