import APIClient
import FoundationEssentials
import Glibc
import Laboratory
import NetworkModel
import Resources
import Testing
import Waiting

/// A laboratory with KC's own programs on it, as `swift build` made them, for one test.
struct System: Sendable {
    let laboratory: Laboratory
    let programs: Programs
    let client: APIClient

    var topology: Topology { laboratory.topology }

    func machine(_ name: String) throws -> Machine { try laboratory.machine(named: name) }

    func host(_ name: String) throws -> LabHost {
        try #require(topology.hosts.first { $0.name.text == name })
    }

    /// `kcnet` from the outer world, as an administrator; demanded to succeed.
    @discardableResult
    func kcnet(_ arguments: String...) async throws -> String {
        try await Command(
            programs.kcnet, arguments + ["--api", "unix:\(laboratory.state.apiSocket)"], timeout: .seconds(120)
        ).check("run", "kcnet \(arguments.joined(separator: " "))")
    }

    /// What the doctor says as if on a host, whatever else is wrong with this machine.
    func doctor(of host: String) async throws -> String {
        try await Command(
            programs.kcnet, ["doctor", "--host", host, "--api", "unix:\(laboratory.state.apiSocket)"],
            timeout: .seconds(120)
        ).run().output
    }

    /// Applies the whole of `desired/`.
    func applyDesired() async throws {
        try await kcnet("apply", "-f", "\(laboratory.folder.path)/desired")
    }

    /// Waits until all is as `expected/` says.
    func settle(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let expectations = try Expectations(of: laboratory.folder)
        let found = try await ExpectationChecker(laboratory, expectations, client: client).settle()
        #expect(found.isEmpty, sourceLocation: sourceLocation)
        if !found.isEmpty { throw NotAsExpected(found: found) }
    }

    struct NotAsExpected: Error {
        let found: [Discrepancy]
    }

    /// The canonical dumps of all hosts.
    func dumps() async throws -> [String: String] {
        var dumps: [String: String] = [:]
        for host in topology.hosts {
            dumps[host.name.text] = try await laboratory.machine(host.name).canonicalDump()
        }
        return dumps
    }

    /// Waits until a condition holds; what it throws before the end counts as "not yet".
    func eventually(
        _ what: String, within limit: Duration = .seconds(20), sourceLocation: SourceLocation = #_sourceLocation,
        _ isTrue: () async throws -> Bool
    ) async throws {
        var failure = ""
        let state = { failure }
        try await Waiting.eventually(what, state, within: limit, sourceLocation: sourceLocation) {
            do { return try await isTrue() } catch {
                failure = "\(error)"
                return false
            }
        }
    }
}

/// `--long` of tools/test.
let isLong = ProcessInfo.processInfo.environment["KC_LONG"] == "1"

/// Where this checkout stands on the disk, known from the place of this file in it.
enum Checkout {
    static let root: String = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
    static func topology(_ name: String) -> String { "\(root)/topology/\(name)" }
}

/// The folder that the test bundle was built into, which holds the programs too.
func builtPrograms() throws -> Programs {
    let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") }
    if let bundle {
        return try Programs(folder: bundle.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" })
    }
    return try Programs(folder: "\(Checkout.root)/.build/debug")
}

/// Brings a topology up, hands it to the test, and takes it away whatever happened; then nothing may be left, and no log
/// may hold a warning that the test did not expect.
///
/// - Parameters:
///   - programs: what it begins with; nil are those of this build.
///   - warnings: parts of lines that this test provokes.
func withSystem(
    _ topology: String, desired: Bool = true, programs: Programs? = nil, warnings: [String] = [],
    _ body: (System) async throws -> Void
) async throws {
    try await withSystem(
        folder: Checkout.topology(topology), desired: desired, programs: programs, warnings: warnings, body)
}

func withSystem(
    folder: String, desired: Bool, programs: Programs? = nil, warnings: [String],
    _ body: (System) async throws -> Void
) async throws {
    let folder = try TopologyFolder(path: folder)
    let instance = try #require(Name("\(folder.topology.name)-\(getpid())"))
    let state = try LaboratoryState(instance: instance, root: "/tmp/kclab-\(getpid())")
    let laboratory = Laboratory(folder: folder, state: state)
    let programs = try programs ?? builtPrograms()
    try await laboratory.makeMachines()
    let client = try laboratory.client()
    let system = System(laboratory: laboratory, programs: programs, client: client)
    var failure: (any Error)?
    do {
        try await laboratory.startControlPlane(programs)
        if desired {
            try await system.applyDesired()
            try await system.settle()
        }
        try await body(system)
    } catch { failure = error }
    let unexpected = try Logs(laboratory).unexpected(allowing: warnings)
    #expect(unexpected.isEmpty, "warnings nobody expected: \(unexpected.joined(separator: "\n"))")
    if failure != nil || !unexpected.isEmpty { try Logs(laboratory).keep() }
    await client.shutdown()
    try await laboratory.down()
    let left = try await Laboratory.namespaces().filter { $0.hasPrefix("kclab-\(instance)-") }
    #expect(left.isEmpty)
    #expect(!state.exists)
    if let failure { throw failure }
}
