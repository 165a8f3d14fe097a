import Addressing
import ArgumentParser
import FoundationEssentials
import ImageDownload

/// From where images may be fetched.
struct SourceOptions: ParsableArguments {
    @Option(
        name: .customLong("image-source"),
        help: ArgumentHelp(
            "Addresses that images may be fetched from although they are not public, such as fd00:1::/64 or 192.0.2.0/24; "
                + "may be said several times.", valueName: "prefix"))
    var listed: [String] = []

    @Option(
        name: .customLong("image-authorities"),
        help: ArgumentHelp(
            "Certificates, in PEM, that servers of images are trusted by, instead of the machine's.", valueName: "file")
    )
    var authorities: String?

    func validate() throws {
        _ = try prefixes()
        if let authorities, !FileManager.default.isReadableFile(atPath: authorities) {
            throw ValidationError("--image-authorities '\(authorities)' cannot be read")
        }
    }

    private func prefixes() throws -> [IPv6Prefix] {
        try listed.map { text in
            if let prefix = try? IPv4Prefix(parsing: text) { return prefix.mapped }  // Else it is one of IPv6, or none.
            do { return try IPv6Prefix(parsing: text) } catch {
                throw ValidationError("--image-source '\(text)': \(error)")
            }
        }
    }

    func origin() throws -> HTTPOrigin {
        HTTPOrigin(
            policy: SourcePolicy(listed: try prefixes(), own: NameResolution.own()), authorities: authorities)
    }
}
