/// One document of the metadata service.
package struct MetadataPage: Hashable, Sendable {
    /// For the header `Content-Type`.
    package enum MediaType: String, Hashable, Sendable {
        case text = "text/plain; charset=utf-8"
        case json = "application/json"
        /// What its owner wrote: nobody is to make anything of it.
        case bytes = "application/octet-stream"
    }

    package var type: MediaType
    package var bytes: [UInt8]

    package init(_ type: MediaType, _ bytes: [UInt8]) {
        self.type = type
        self.bytes = bytes
    }

    static func text(_ text: String) -> MetadataPage { MetadataPage(.text, Array(text.utf8)) }

    /// Names of what is below, a line each, without an end of the last line (as EC2's has none).
    static func list(_ names: [String]) -> MetadataPage { .text(names.joined(separator: "\n")) }
}
