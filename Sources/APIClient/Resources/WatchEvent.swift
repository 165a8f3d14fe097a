package import Resources

/// One event of a watch on resources.
package enum WatchEvent: Sendable {
    /// The resource as it is now. `revision` is the store's: newer than the resource's own when only its status moved.
    case put(ResourceDocument, revision: Revision)
    case delete(id: ResourceID, name: Name, project: Name?, revision: Revision)
    /// Everything up to the revision was seen.
    case bookmark(Revision)

    /// - Returns: nil for an event this client does not know.
    /// - Throws: `APIFailure` with code `protocolViolation`.
    package init?(_ event: ServerEvent) throws(APIFailure) {
        do {
            let node = try JSONParser.parse(event.data, atMost: JSONParser.batchValues)
            switch event.name {
            case "put":
                let document = try ResourceDocument(node)
                self = .put(document, revision: event.id.flatMap(UInt64.init).map(Revision.init) ?? document.revision)
            case "delete":
                var reader = try FieldReader(node, path: "")
                self = .delete(
                    id: try reader.required("id"), name: try reader.required("name"),
                    project: try reader.optional("project"), revision: try reader.required("revision"))
            case "bookmark":
                var reader = try FieldReader(node, path: "")
                self = .bookmark(try reader.required("revision"))
            default: return nil
            }
        } catch {
            throw APIFailure(
                .protocolViolation, operation: "watch", subject: "an event of type '\(event.name.prefix(32))'",
                cause: "\(error)", advice: "check that client and server are of the same version")
        }
    }
}
