import Addressing
import ComputePorts
import FoundationEssentials

/// Where an image is, as a user or a server wrote it.
struct SourceAddress: Sendable {
    let url: String
    /// Without brackets.
    let host: String

    static let maximumLength = 2048

    /// - Throws: `refused` for what is no plain http or https address.
    init(_ text: String, relativeTo base: SourceAddress? = nil) throws(ImageOriginError) {
        func refused(_ cause: String) -> ImageOriginError { ImageOriginError(.refused, cause) }
        let base = base.flatMap { URL(string: $0.url) }
        guard text.utf8.count <= Self.maximumLength, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }),
            let url = URL(string: text, relativeTo: base)?.absoluteURL,
            let parts = URLComponents(url: url, resolvingAgainstBaseURL: true)
        else { throw refused("'\(text.prefix(200))' is no address of at most \(Self.maximumLength) characters") }
        guard let scheme = parts.scheme?.lowercased(), scheme == "https" || scheme == "http" else {
            throw refused("'\(text.prefix(200))' must begin with https:// or http://")
        }
        guard parts.user == nil, parts.password == nil, parts.fragment == nil else {
            throw refused("an address holds no user, password or fragment")
        }
        guard let host = parts.host, !host.isEmpty else { throw refused("'\(text.prefix(200))' names no server") }
        let bare = host.hasPrefix("[") ? String(host.dropFirst().prefix { $0 != "]" }) : host
        guard !bare.contains("%") else { throw refused("an address holds no zone") }
        guard parts.port.map({ (1...65535).contains($0) }) ?? true else { throw refused("there is no such port") }
        self.host = bare
        self.url = url.absoluteString
    }
}
