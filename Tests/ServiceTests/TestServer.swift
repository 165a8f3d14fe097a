import Addressing
import FoundationEssentials
import Logging
import NetworkModel
import NetworkService
import Persistence
import Resources
import SQLiteStore
import Testing

let administrator = Principal.administrator(via: "test")

/// A service over a store of its own, in a folder that is removed at the end.
struct TestServer {
    let store: SQLiteStore
    let service: NetworkService

    /// Runs `body` with a started service whose cache follows the store.
    static func with(
        settings: NetworkService.Settings = NetworkService.Settings(),
        options: SQLiteStoreOptions = SQLiteStoreOptions(), _ body: (TestServer) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/kc-service-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer {
            // What cannot be removed now is in the system's folder for such things.
            try? FileManager.default.removeItem(atPath: folder)
        }
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let store = try await SQLiteStore.open(at: folder + "/store.db", options: options, logger: logger)
        do {
            let server = TestServer(
                store: store, service: NetworkService(store: store, settings: settings, logger: logger))
            try await server.service.prepareFirstStart(underlayMTU: MTU(1500), random: 0x12_3456_789a)
            try await server.running(server.service) { try await body(server) }
        } catch {
            await store.close()
            throw error
        }
        await store.close()
    }

    /// Runs a service's cache while `body` runs.
    func running(_ service: NetworkService, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await service.cache.run() }
            defer { group.cancelAll() }
            try await service.cache.wait(for: .zero)
            try await body()
        }
    }

    /// A second API server over the same store.
    func another() -> NetworkService {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return NetworkService(store: store, logger: logger)
    }
}

extension NetworkService {
    @discardableResult
    func make(_ kind: Kind, _ json: String, by principal: Principal = administrator) async throws -> Item {
        let written = try await create(
            kind, project: kind.name.isInProject ? "default" : nil, JSONParser.parse(Array(json.utf8)), by: principal)
        return try #require(written.item)
    }

    @discardableResult
    func put(_ kind: Kind, _ item: String, _ json: String, expecting: Revision? = nil) async throws -> Item {
        let written = try await replace(
            kind, project: kind.name.isInProject ? "default" : nil, item, JSONParser.parse(Array(json.utf8)),
            expecting: expecting, by: administrator)
        return try #require(written.item)
    }

    func remove(_ kind: Kind, _ item: String, expecting: Revision? = nil) async throws {
        _ = try await delete(
            kind, project: kind.name.isInProject ? "default" : nil, item, expecting: expecting, by: administrator)
    }

    func get(_ kind: Kind, _ item: String) async throws -> Item {
        try await find(kind, project: kind.name.isInProject ? "default" : nil, item)
    }

    func makeHost(_ number: Int) async throws {
        try await make(
            .host,
            #"{"name":"h\#(number)","spec":{"vtep":"2001:db8::\#(number)","interface":"u0","roles":["gateway"]}}"#)
    }
}

extension Item {
    /// The parsed JSON that a client reads.
    var document: JSONNode { get throws { try JSONParser.parse(json) } }

    func text(_ path: String...) throws -> String? {
        var node: JSONNode? = try document
        for name in path { node = node?[name] }
        return node.map { $0.string ?? String(decoding: $0.raw, as: UTF8.self) }
    }
}

/// Expects a problem with this code, and whatever of field and words is given.
func expectProblem(
    _ code: Problem.Code, field: String? = nil, saying words: String...,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
) async {
    do {
        try await body()
        Issue.record("it was done", sourceLocation: sourceLocation)
    } catch let problem as Problem {
        #expect(problem.code == code, "\(problem)", sourceLocation: sourceLocation)
        if let field { #expect(problem.field == field, "\(problem)", sourceLocation: sourceLocation) }
        for word in words {
            #expect(problem.detail.contains(word), "\(problem)", sourceLocation: sourceLocation)
        }
    } catch {
        Issue.record("not a problem: \(error)", sourceLocation: sourceLocation)
    }
}
