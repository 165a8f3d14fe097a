package import Resources

extension APIClient {
    /// Does all operations in one transaction at the server, or none of them. Later reads of this client see them.
    /// - Returns: the store's revision that has them.
    /// - Throws: `APIProblem` whose `operations` says which of them are wrong, `APIFailure`, `CancellationError`.
    @discardableResult
    package func write(_ operations: [BatchOperation]) async throws -> Revision {
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("operations")
            writer.array { writer in for operation in operations { operation.write(to: &writer) } }
        }
        let request = APIRequest(.post, ["v1", "batch"], query: [("brief", "true")], body: writer.bytes)
        let response = try await send(request)
        guard let revision = response.revision else {
            throw APIFailure(
                .protocolViolation, operation: request.summary, subject: "the answer", cause: "it names no revision",
                advice: "check that client and server are of the same version")
        }
        return revision
    }

    /// Does one operation by the request of its own that says the same.
    package func write(alone operation: BatchOperation) async throws {
        let body = operation.document ?? []
        switch operation.verb {
        case .create: _ = try await create(operation.collection, body)
        case .update(let item, let revision):
            _ = try await update(operation.collection, item, body, ifMatch: revision)
        case .delete(let item, let revision): try await delete(operation.collection, item, ifMatch: revision)
        }
    }
}

/// One operation of a batch.
package struct BatchOperation: Sendable {
    package enum Verb: Sendable {
        case create
        /// Of the resource with that name or id, which must still have the revision where one is given.
        case update(String, ifMatch: Revision?)
        case delete(String, ifMatch: Revision?)
    }

    package var verb: Verb
    package var collection: ResourceCollection
    /// The JSON of name, labels, annotations, protected and spec; nil to delete.
    package var document: [UInt8]?

    /// Operations that a server takes in one batch.
    package static let maximumCount = 1000

    package init(_ verb: Verb, _ collection: ResourceCollection, document: [UInt8]? = nil) {
        self.verb = verb
        self.collection = collection
        self.document = document
    }

    /// Bytes that it at most takes in a request's body.
    package var size: Int { (document?.count ?? 0) + 512 }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            let (name, target, revision): (String, String?, Revision?) =
                switch verb {
                case .create: ("create", nil, nil)
                case .update(let item, let revision): ("update", item, revision)
                case .delete(let item, let revision): ("delete", item, revision)
                }
            writer.member("verb", name)
            writer.member("kind", collection.kind.singular)
            writer.member("project", collection.project)
            writer.member("item", target)
            writer.member("ifMatch", revision)
            if let document {
                writer.name("document")
                writer.raw(document)
            }
        }
    }
}
