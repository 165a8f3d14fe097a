import Addressing
import ComputeModel
import ComputeService
import FoundationEssentials
import Logging
import NetworkModel
import NetworkService
import Persistence
import Placement
import Resources
import SQLiteStore
import Testing

let administrator = Principal.administrator(via: "test")

/// A compute service over a store of its own, beside a network service over another one, in a folder that is removed.
struct ComputeServer {
    let store: SQLiteStore
    let service: ComputeService
    let network: NetworkService
    let project: ProjectIdentity

    static var logger: Logger {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }

    /// Runs `body` with both services started, KC's hosts `h1`… `h<hosts>` and the segment `blue`.
    static func with(
        hosts: Int = 0, settings: ComputeService.Settings = ComputeService.Settings(),
        _ body: (ComputeServer) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/kc-compute-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer {
            // What cannot be removed now is in the system's folder for such things.
            try? FileManager.default.removeItem(atPath: folder)
        }
        let networkStore = try await SQLiteStore.open(at: folder + "/network.db", logger: logger)
        let store = try await SQLiteStore.open(at: folder + "/compute.db", logger: logger)
        let network = NetworkService(store: networkStore, logger: logger)
        let result: Result<Void, any Error>
        do {
            try await network.prepareFirstStart(underlayMTU: MTU(1500), random: 7)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await network.cache.run() }
                defer { group.cancelAll() }
                let project = try await network.find(.project, "default")
                let identity = ProjectIdentity(id: project.id, name: project.name)
                for number in 0..<hosts { try await make(network, host: number + 1) }
                _ = try await network.create(
                    .segment, project: "default", parse(#"{"name":"blue","spec":{"ipam":"automatic"}}"#),
                    by: administrator)
                let service = ComputeService(
                    store: store, directory: InProcessDirectory(network: network), settings: settings, logger: logger)
                let server = ComputeServer(store: store, service: service, network: network, project: identity)
                try await server.running(service) { try await body(server) }
            }
            result = .success(())
        } catch { result = .failure(error) }
        await store.close()
        await networkStore.close()
        try result.get()
    }

    private static func make(_ network: NetworkService, host number: Int) async throws {
        let json = #"{"name":"h\#(number)","spec":{"vtep":"2001:db8::\#(number)","interface":"u0"}}"#
        _ = try await network.create(.host, parse(json), by: administrator)
    }

    /// Runs a service's cache while `body` runs.
    func running(_ service: ComputeService, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await service.cache.run() }
            defer { group.cancelAll() }
            try await service.cache.wait(for: .zero)
            try await body()
        }
    }

    /// A second server over the same store.
    func another() -> ComputeService {
        ComputeService(store: store, directory: InProcessDirectory(network: network), logger: Self.logger)
    }

    // MARK: short forms

    @discardableResult
    func make(
        _ kind: ComputeKind, _ json: String, by principal: Principal = administrator, in project: ProjectIdentity? = nil
    ) async throws -> ComputeItem {
        let place = kind.name.isInProject ? project ?? self.project : nil
        return try #require(try await service.create(kind, in: place, Self.parse(json), by: principal).item)
    }

    func put(_ kind: ComputeKind, _ item: String, _ json: String, expecting: Revision? = nil) async throws
        -> ComputeItem
    {
        let place = kind.name.isInProject ? project : nil
        let written = try await service.replace(
            kind, in: place, item, Self.parse(json), expecting: expecting, by: administrator)
        return try #require(written.item)
    }

    func remove(_ kind: ComputeKind, _ item: String) async throws {
        _ = try await service.delete(kind, in: kind.name.isInProject ? project : nil, item, by: administrator)
    }

    func get(_ kind: ComputeKind, _ item: String) throws -> ComputeItem {
        try service.find(kind, in: kind.name.isInProject ? project : nil, item, for: administrator)
    }

    /// Makes the compute hosts `c1`… on `h1`…, with that much of everything to promise.
    func makeHosts(_ count: Int, cpus: UInt64 = 8, memoryMiB: UInt64 = 8192, diskGiB: UInt64 = 100) async throws {
        for number in 1...count {
            let spec =
                #"{"host":"h\#(number)","overcommit":{"cpuPercent":100},"reserved":{"cpus":0,"memoryMiB":0,"diskGiB":0}}"#
            let host = try await make(.computeHost, #"{"name":"c\#(number)","spec":\#(spec)}"#)
            try await report(host.id, cpus: cpus, memoryMiB: memoryMiB, diskGiB: diskGiB)
        }
    }

    func report(
        _ host: ResourceID, cpus: UInt64 = 8, memoryMiB: UInt64 = 8192, diskGiB: UInt64 = 100,
        loss: ComputeHostReport.Loss? = nil
    ) async throws {
        let capacity = Capacity(cpus: cpus, memoryMiB: memoryMiB, diskGiB: diskGiB)
        _ = try await service.report(
            ComputeHostReport(architecture: .amd64, capacity: capacity, hasKVM: true, loss: loss), of: host)
    }

    /// The machine type `small` (1 to 8 CPUs, 1 GiB, 10 GiB) and the image `debian`.
    func makeOffer() async throws {
        try await make(
            .machineType,
            #"""
            {"name":"small","spec":{"architecture":"x86_64","cpus":{"minimum":1,"maximum":8,"default":1},
             "memoryMiB":{"minimum":1024,"maximum":8192,"step":1024,"default":1024},
             "diskGiB":{"minimum":10,"maximum":50,"default":10}}}
            """#)
        try await make(.image, Self.image("debian"))
    }

    static func image(_ name: String, shared: Bool = false, architecture: String = "x86_64") -> String {
        let digest = String(repeating: "ab", count: 32)
        return #"{"name":"\#(name)","spec":{"format":"raw","architecture":"\#(architecture)","size":1048576,"#
            + #""sha256":"\#(digest)","minimumDiskGiB":1,"shared":\#(shared)}}"#
    }

    static func vm(_ name: String, cpus: Int = 1, more: String = "") -> String {
        #"{"name":"\#(name)","spec":{"machineType":"small","image":"debian","parameters":{"cpus":\#(cpus)}\#(more)}}"#
    }

    static func parse(_ json: String) throws -> JSONNode { try JSONParser.parse(Array(json.utf8)) }
}

/// What KC says of the network, asked in the same process.
struct InProcessDirectory: NetworkDirectory {
    let network: NetworkService

    func host(_ reference: Reference<NetworkHost>) async throws(Problem) -> ResourceID {
        try await network.find(.host, reference.description).id
    }
    func segment(_ reference: Reference<NetworkSegment>, of project: ProjectIdentity) async throws(Problem)
        -> ResourceID
    { try await network.find(.segment, project: project.id.description, reference.description).id }
    func policy(_ reference: Reference<NetworkPolicy>, of project: ProjectIdentity) async throws(Problem)
        -> Reference<NetworkPolicy>
    { .id(try await network.find(.policy, project: project.id.description, reference.description).id) }
    func attachment(_ reference: Reference<NetworkAttachment>, of project: ProjectIdentity) async throws(Problem)
        -> ResourceID
    { try await network.find(.attachment, project: project.id.description, reference.description).id }
}

extension ComputeItem {
    func text(_ path: String...) throws -> String? {
        var node: JSONNode? = try JSONParser.parse(json())
        for name in path { node = node?[name] }
        return node.map { $0.string ?? String(decoding: $0.raw, as: UTF8.self) }
    }
}

/// Expects a problem with this code, and whatever of field and words is given.
func expectProblem(
    _ code: Problem.Code, field: String? = nil, saying words: String...,
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async {
    do {
        try await body()
        Issue.record("it was done", sourceLocation: sourceLocation)
    } catch let problem as Problem {
        #expect(problem.code == code, "\(problem)", sourceLocation: sourceLocation)
        if let field { #expect(problem.field == field, "\(problem)", sourceLocation: sourceLocation) }
        for word in words { #expect(problem.detail.contains(word), "\(problem)", sourceLocation: sourceLocation) }
    } catch { Issue.record("not a problem: \(error)", sourceLocation: sourceLocation) }
}
