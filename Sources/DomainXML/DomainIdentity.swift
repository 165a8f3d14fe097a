package import Resources

/// Whose a domain is, read from the XML that libvirt gives.
package enum DomainIdentity: Hashable, Sendable {
    /// Ours: the id in our element of its metadata, which is its uuid too.
    case vm(ResourceID)
    /// Somebody else's: left alone, and reported.
    case foreign

    /// - Throws: for what is no XML that libvirt writes, or says two things about itself. Such a domain is left alone.
    package init(reading xml: [UInt8]) throws(DomainReadingError) {
        var scanner = try XMLScanner(xml)
        var path: [QualifiedName] = []
        var found: ResourceID?
        var uuid: String?
        while let event = try scanner.next() {
            switch event {
            case .text(let text):
                if path == Self.uuidPath { uuid = (uuid ?? "") + text }
            case .end: path.removeLast()
            case .start(let name, let attributes):
                path.append(name)
                guard path == Self.vmPath else { continue }
                guard found == nil, let id = attributes["id"].flatMap({ ResourceID($0) }) else {
                    throw DomainReadingError(offset: scanner.offset, rule: "our element says one id, once")
                }
                found = id
            }
        }
        guard let found else {
            self = .foreign
            return
        }
        guard uuid.flatMap({ ResourceID($0) }) == found else {
            throw DomainReadingError(offset: scanner.offset, rule: "the domain's uuid is the id in our element")
        }
        self = .vm(found)
    }

    private static let uuidPath = [QualifiedName("", "domain"), QualifiedName("", "uuid")]
    private static let vmPath = [
        QualifiedName("", "domain"), QualifiedName("", "metadata"), QualifiedName(Domain.namespace, "vm"),
    ]
}

/// Where a domain's XML is not as it must be, and the rule.
package struct DomainReadingError: Error, Equatable, Sendable, CustomStringConvertible {
    /// In bytes from 0.
    package let offset: Int
    /// What holds for a domain that can be read, as a clause.
    package let rule: String

    package var description: String { "not a domain that can be read, at byte \(offset): \(rule)" }
}
