import Addressing
import FoundationEssentials
import Glibc
import LinuxNetlink
import NetworkModel
import NetworkPlanning
import NodePorts
import Synchronization
import Testing

/// A network namespace of a test's own, gone when the test ends, also when it fails.
struct KernelNamespace {
    private static let counter = Atomic<Int>(0)

    let name: NamespaceName
    let threads: NamespaceThreads
    let table: NetlinkLinkTable
    let namespaces: LinuxNamespaces

    static func with(
        eventBufferBytes: Int32 = 1 << 20, _ body: (KernelNamespace) async throws -> Void
    ) async throws {
        let number = counter.wrappingAdd(1, ordering: .relaxed).newValue
        let name = try #require(NamespaceName("kcn-\(getpid())-\(number)"))
        let threads = try NamespaceThreads()
        let space = KernelNamespace(
            name: name, threads: threads,
            table: NetlinkLinkTable(threads: threads, eventBufferBytes: eventBufferBytes, main: name),
            namespaces: LinuxNamespaces(threads: threads))
        try await space.namespaces.create(name)
        do {
            try await body(space)
        } catch {
            try await space.namespaces.delete(name)
            throw error
        }
        try await space.namespaces.delete(name)
    }

    /// Runs a program in the namespace and gives what it prints; the independent witness of what the kernel has.
    func run(_ command: String) throws -> String {
        try shell("ip netns exec \(name.text) \(command)")
    }

    /// `ip -d -j link show dev NAME`.
    func show(_ device: InterfaceName) throws -> [String: JSON] {
        let text = try run("ip -d -j link show dev \(device.text)")
        let list = try JSONDecoder().decode([[String: JSON]].self, from: Data(text.utf8))
        return try #require(list.first)
    }

    func apply(_ operations: [LinkOperation]) async throws {
        for outcome in await table.apply(operations, in: name) { try outcome.get() }
    }

    /// The one failure of one operation.
    func failure(_ operation: LinkOperation) async throws -> NodeError {
        let outcomes = await table.apply([operation], in: name)
        #expect(outcomes.count == 1)
        guard case .failure(let error)? = outcomes.first else { throw Unexpected("it succeeded: \(operation)") }
        return error
    }

    func link(_ device: InterfaceName) async throws -> ObservedLink? {
        try await table.observe(links: [device], in: name).links[device]
    }

    /// Everything in the namespace but whether devices run: that follows their settings a moment later.
    func settings() async throws -> ObservedLinks {
        var observed = try await table.observe(in: name)
        for name in observed.links.keys {
            observed.links[name]?.isRunning = false
            // A new port of a bridge begins to forward a moment after it has a carrier.
            observed.links[name]?.obstacles = []
        }
        return observed
    }

    /// An underlay for VXLAN devices: a veth, up, with an address.
    func underlay(_ device: InterfaceName = .underlay, mtu: Int = 1500) throws {
        _ = try run("ip link add \(device.text) mtu \(mtu) type veth peer name \(device.text)-p mtu \(mtu)")
        _ = try run("ip link set \(device.text) up")
        _ = try run("ip link set \(device.text)-p up")
        _ = try run("ip -6 address add fd00::1/64 dev \(device.text) nodad")
    }
}

struct Unexpected: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Enough of JSON to ask for members.
enum JSON: Decodable, Equatable {
    case text(String)
    case number(Int)
    case flag(Bool)
    case object([String: JSON])
    case list([JSON])
    case null

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        }
        // Each kind is tried in turn: a failure only says that it is another.
        else if let flag = try? value.decode(Bool.self) {
            self = .flag(flag)
        } else if let number = try? value.decode(Int.self) {
            self = .number(number)
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let list = try? value.decode([JSON].self) {
            self = .list(list)
        } else if let object = try? value.decode([String: JSON].self) {
            self = .object(object)
        } else {
            self = .null
        }
    }

    subscript(_ member: String) -> JSON? {
        if case .object(let members) = self { members[member] } else { nil }
    }
}

extension InterfaceName {
    static let underlay = device("und0")

    /// A literal name of a test.
    static func device(_ text: String) -> InterfaceName {
        do { return try InterfaceName(text) } catch { preconditionFailure("\(error)") }
    }
}

func shell(_ command: String) throws -> String {
    guard let pipe = popen("\(command) 2>&1", "r") else { throw Unexpected("cannot run \(command)") }
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while case let count = fread(&buffer, 1, buffer.count, pipe), count > 0 { text += buffer[..<count] }
    let status = pclose(pipe)
    let output = String(decoding: text, as: UTF8.self)
    guard status == 0 else { throw Unexpected("\(command): status \(status): \(output)") }
    return output
}
