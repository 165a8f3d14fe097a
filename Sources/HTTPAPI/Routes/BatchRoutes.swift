import HTTPServing
import HTTPTypes
import Hummingbird
import NetworkService
import Persistence
import Resources

/// Many writes in one request: all of them or none.
struct BatchRoutes: Sendable {
    let service: NetworkService
    let authenticator: any Authenticator

    var routes: [Route] { [batch] }

    /// Room for 1,000 ordinary resources; one with 64 KiB of annotations each would have to come in several batches.
    private static let maximumBody = 8 << 20

    private var batch: Route {
        Route(
            method: .post, path: "/v1/batch", operation: "writeBatch",
            summary:
                "Creates, updates and deletes up to \(BatchOperation.maximumCount) resources, all of them or none; "
                + "each operation sees what those before it did.",
            access: .eachOperation, parameters: [.brief, .minRevision], body: .named("Batch"),
            maximumBody: Self.maximumBody, answer: .named("BatchWritten")
        ) { request throws(Problem) in
            let isBrief = try request.query.flag("brief")
            let operations = try Self.operations(try request.document(atMost: JSONParser.batchValues))
            let written = try await service.write(
                operations, by: request.principal, alongside: try await revocations(operations))
            return .json(render(written, isBrief: isBrief, for: request.principal), written: written.revision)
        }
    }

    private static func operations(_ document: JSONNode) throws(Problem) -> [BatchOperation] {
        do {
            let nodes = try list(document)
            guard nodes.count <= BatchOperation.maximumCount else {
                throw Problem(
                    .tooLarge, field: "operations", value: "\(nodes.count)",
                    rule: "must be at most \(BatchOperation.maximumCount)")
            }
            var operations: [BatchOperation] = []
            operations.reserveCapacity(nodes.count)
            for (index, node) in nodes.enumerated() {
                operations.append(try operation(node, path: "operations[\(index)]"))
            }
            return operations
        } catch { throw Problem(reading: error) }
    }

    private static func list(_ document: JSONNode) throws(FieldError) -> [JSONNode] {
        var reader = try FieldReader(document, path: "")
        guard let list = reader.node("operations") else { throw FieldError(field: "operations", rule: "is required") }
        try reader.finish()
        guard case .array(let nodes) = list.content else {
            throw FieldError(field: "operations", value: list.excerpt, rule: "must be an array, not \(list.typeName)")
        }
        return nodes
    }

    private static func operation(_ node: JSONNode, path: String) throws(FieldError) -> BatchOperation {
        var reader = try FieldReader(node, path: path)
        let verb = try reader.required("verb", as: String.self)
        let text = try reader.required("kind", as: String.self)
        guard let kind = Kind(rawValue: text) else {
            throw FieldError(
                field: path + ".kind", value: text,
                rule: "must be one of \(Kind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let project = kind.name.isInProject ? try reader.required("project", as: String.self) : nil
        let result: BatchOperation.Verb
        switch verb {
        case "create": result = .create(try document(&reader))
        case "update":
            let item = try reader.required("item", as: String.self)
            let expected = try reader.optional("ifMatch", as: Revision.self)
            result = .update(item: item, try document(&reader), expecting: expected)
        case "delete":
            let item = try reader.required("item", as: String.self)
            result = .delete(item: item, expecting: try reader.optional("ifMatch"))
        default: throw FieldError(field: path + ".verb", value: verb, rule: "must be create, update or delete")
        }
        try reader.finish()
        return BatchOperation(kind, project: project, result)
    }

    private static func document(_ reader: inout FieldReader) throws(FieldError) -> JSONNode {
        guard let document = reader.node("document") else {
            throw FieldError(field: reader.path(of: "document"), rule: "is required")
        }
        return document
    }

    /// A host's credential dies with the host.
    private func revocations(_ operations: [BatchOperation]) async throws(Problem) -> Alongside {
        var alongside = Alongside()
        for operation in operations where operation.kind == .host {
            guard case .delete(let item, _) = operation.verb else { continue }
            let host: Item
            do throws(Problem) { host = try await service.find(.host, item) } catch {
                // The batch itself says so, with the operation's place.
                if error.code == .notFound { continue }
                throw error
            }
            do { alongside.changes += try await authenticator.revocation(of: host.id) } catch {
                throw Problem(reading: error)
            }
        }
        return alongside
    }

    private func render(_ written: BatchWritten, isBrief: Bool, for principal: Principal) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("revision", written.revision)
            writer.name("items")
            writer.array { writer in
                for result in written.results {
                    writer.object { writer in
                        writer.member("kind", result.kind.name.singular)
                        writer.member("id", result.id)
                        writer.member("name", result.name)
                        if result.isGone { writer.member("deleted", true) }
                        // Written and acknowledged, but deleted since or not yet shown here: then it has no resource.
                        guard !isBrief, !result.isGone, let item = service.cache.item(result.kind, result.id) else {
                            return
                        }
                        writer.name("resource")
                        writer.raw(item.json(service.view(principal, of: item)))
                    }
                }
            }
        }
        return writer.bytes
    }
}
