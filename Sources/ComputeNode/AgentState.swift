import ComputeModel
import ComputePlanning
import HostState
import Resources

/// What outlives the agent: its last orders, by which VMs go on when no server answers, which reboots are
/// done, and what the machine has.
///
/// One JSON document, mode 0600, replaced atomically and durably. Blocks for the disk.
struct AgentState: Hashable, JSONCodable {
    var orders: HostOrders?
    var reboots: [ResourceID: UInt64] = [:]
    /// As it was last measured: a host whose hypervisor does not answer still has it.
    var capacity: Capacity?

    static let format = 1
    static let maximumBytes = 64 << 20

    init() {}

    init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let format: Int = try reader.required("format")
        guard format == Self.format else {
            throw FieldError(
                field: reader.path(of: "format"), value: "\(format)", rule: "must be \(Self.format) for this agent")
        }
        orders = try reader.optional("orders")
        let entries: [Entry] = try reader.optional("reboots") ?? []
        reboots = Dictionary(entries.map { ($0.vm, $0.count) }) { max($0, $1) }
        capacity = try reader.optional("capacity")
        try reader.finish()
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("format", Self.format)
            writer.member("capacity", capacity)
            writer.member("orders", orders)
            writer.member("reboots", reboots.sorted { $0.key < $1.key }.map { Entry(vm: $0.key, count: $0.value) })
        }
    }

    private struct Entry: JSONCodable {
        var vm: ResourceID
        var count: UInt64

        init(vm: ResourceID, count: UInt64) {
            self.vm = vm
            self.count = count
        }

        init(json node: JSONNode, path: String) throws(FieldError) {
            var reader = try FieldReader(node, path: path)
            self.init(vm: try reader.required("vm"), count: try reader.required("count"))
            try reader.finish()
        }

        func write(to writer: inout JSONWriter) {
            writer.object { writer in
                writer.member("vm", vm)
                writer.member("count", count)
            }
        }
    }

    /// - Throws: when there is a file that cannot be used: an agent that forgot what it was told would do harm.
    static func load(_ path: String) throws -> AgentState {
        guard let bytes = try AtomicFile.read(path, limit: maximumBytes) else { return AgentState() }
        return try AgentState(json: JSONParser.parse(kept: bytes), path: "")
    }

    func save(_ path: String) throws(FileError) { try AtomicFile.write(json, to: path, mode: 0o600) }
}
