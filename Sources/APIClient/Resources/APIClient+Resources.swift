package import Resources

/// Access to resources of any kind. All of it throws `APIProblem`, `APIFailure` and `CancellationError`.
extension APIClient {
    /// What all pages of one list may have: bytes, and pages. A server that always has a next page is not followed for ever.
    private static let maximumList = (bytes: 512 << 20, pages: 2000)

    /// All resources of a collection that the selector matches, over as many pages as it takes; each page is read at or
    /// after the newest write of this client.
    /// - Throws: also `tooLarge` for a list without an end.
    package func list(_ collection: ResourceCollection, selector: String? = nil) async throws -> [ResourceDocument] {
        var documents: [ResourceDocument] = []
        var next: String?
        var (bytes, pages) = (0, 0)
        repeat {
            var query: [(name: String, value: String)] = [("limit", "500")]
            if let selector { query.append(("selector", selector)) }
            if let next { query.append(("continue", next)) }
            let request = APIRequest(.get, collection.path, query: query + waiting(for: collection.kind.service))
            let response = try await send(request)
            bytes += response.body.count
            pages += 1
            guard bytes <= Self.maximumList.bytes, pages <= Self.maximumList.pages else {
                throw APIFailure(
                    .tooLarge, operation: request.summary, subject: "the list",
                    cause: "it has no end after \(pages) pages and \(bytes) bytes",
                    advice: "ask for less with a selector, and check that the address is that of a KC API server")
            }
            let node = try response.json(of: request)
            let before = next
            let items = try promised(request) { () throws(FieldError) in
                var reader = try FieldReader(node, path: "")
                next = try reader.optional("continue")
                return try reader.required("items", as: [Document].self)
            }
            documents += items.map(\.value)
            guard next == nil || next != before else {
                throw APIFailure(
                    .protocolViolation, operation: request.summary, subject: "the answer",
                    cause: "the page after the one from '\(before?.prefix(64) ?? "")' is that page again",
                    advice: "check that the address is that of a KC API server of this version")
            }
        } while next != nil
        return documents
    }

    /// - Parameter item: a name or an id.
    package func get(_ collection: ResourceCollection, _ item: String) async throws -> ResourceDocument {
        try await document(APIRequest(.get, collection.path(of: item), query: waiting(for: collection.kind.service)))
    }

    /// - Parameter body: the JSON of name, labels, annotations, protected and spec.
    package func create(_ collection: ResourceCollection, _ body: [UInt8]) async throws -> ResourceDocument {
        try await document(APIRequest(.post, collection.path, body: body))
    }

    /// Replaces the whole resource.
    /// - Parameter ifMatch: the revision it must still have; nil overwrites whatever is there.
    package func update(
        _ collection: ResourceCollection, _ item: String, _ body: [UInt8], ifMatch: Revision?
    ) async throws -> ResourceDocument {
        try await document(APIRequest(.put, collection.path(of: item), body: body, ifMatch: ifMatch))
    }

    package func delete(_ collection: ResourceCollection, _ item: String, ifMatch: Revision? = nil) async throws {
        _ = try await send(APIRequest(.delete, collection.path(of: item), ifMatch: ifMatch))
    }

    /// The kept states of a resource, newest first.
    package func history(_ collection: ResourceCollection, _ item: String) async throws -> [HistoryEntry] {
        let request = APIRequest(.get, collection.path(of: item) + ["history"])
        let node = try await send(request).json(of: request)
        return try promised(request) { () throws(FieldError) in
            var reader = try FieldReader(node, path: "")
            return try reader.required("items", as: [Entry].self).map(\.value)
        }
    }

    /// Makes a former state the newest one.
    package func restore(
        _ collection: ResourceCollection, _ item: String, generation: UInt64
    ) async throws -> ResourceDocument {
        let body = Array(#"{"generation":\#(generation)}"#.utf8)
        return try await document(APIRequest(.post, collection.path(of: item) + ["restore"], body: body))
    }

    /// Watches a collection, or one item of it: what there is now, a bookmark, then every change.
    package func watch(
        _ collection: ResourceCollection, item: String? = nil, selector: String? = nil
    ) async throws -> ServerEvents {
        var query: [(name: String, value: String)] = [("watch", "true")]
        if let selector { query.append(("selector", selector)) }
        return try await events(APIRequest(.get, item.map(collection.path(of:)) ?? collection.path, query: query))
    }

    /// Sends a request and reads its answer as one resource.
    package func document(_ request: APIRequest) async throws -> ResourceDocument {
        let node = try await send(request).json(of: request)
        return try promised(request) { () throws(FieldError) in try ResourceDocument(node) }
    }

    /// Makes a read wait for what this client wrote.
    var waiting: [(name: String, value: String)] { waiting(for: nil) }

    /// The same for a read of what that service keeps.
    package func waiting(for service: String?) -> [(name: String, value: String)] {
        let seen = seen(by: service)
        return seen == .zero ? [] : [("minRevision", "\(seen)")]
    }

    /// An answer that breaks the API's promise is a failure of the server, not of a field a user wrote.
    func promised<Value>(_ request: APIRequest, _ body: () throws(FieldError) -> Value) throws(APIFailure) -> Value {
        do { return try body() } catch {
            throw APIFailure(
                .protocolViolation, operation: request.summary, subject: "the answer", cause: "\(error)",
                advice: "check that client and server are of the same version")
        }
    }
}

/// So that arrays of them can be read.
private struct Document: JSONReadable {
    let value: ResourceDocument
    init(json node: JSONNode, path: String) throws(FieldError) { value = try ResourceDocument(node) }
}

private struct Entry: JSONReadable {
    let value: HistoryEntry
    init(json node: JSONNode, path: String) throws(FieldError) { value = try HistoryEntry(node, path: path) }
}
