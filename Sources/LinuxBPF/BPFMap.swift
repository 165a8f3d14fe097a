import CBPF
import LinuxProcesses
import NodePorts

/// One table of a program in the kernel: keys and values as bytes.
final class BPFMap: Sendable {
    let descriptor: FileDescriptor
    let name: String
    let keySize: Int
    let valueSize: Int

    /// Takes over the descriptor.
    init(owning raw: Int32) throws(NodeError) {
        descriptor = FileDescriptor(owning: raw)
        var buffer = [CChar](repeating: 0, count: 16)
        var key: UInt32 = 0
        var value: UInt32 = 0
        let result = cbpf_map_info(raw, &buffer, &key, &value)
        guard result == 0 else { throw NodeError.bpf("describe a table", "map", result) }
        name = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        keySize = Int(key)
        valueSize = Int(value)
    }

    func put(_ key: [UInt8], _ value: [UInt8]) throws(NodeError) {
        let result = bpf_map_update_elem(descriptor.raw, key, value, UInt64(BPF_ANY))
        guard result == 0 else { throw NodeError.bpf("put into", name, result) }
    }

    /// Success when it is not there.
    func delete(_ key: [UInt8]) throws(NodeError) {
        let result = bpf_map_delete_elem(descriptor.raw, key)
        guard result == 0 || result == -ENOENT else { throw NodeError.bpf("delete from", name, result) }
    }

    /// nil when it is not there.
    /// - Parameter copies: how many values one element has: one for each processor in per-processor tables.
    func get(_ key: [UInt8], copies: Int = 1) throws(NodeError) -> [UInt8]? {
        var value = [UInt8](repeating: 0, count: (valueSize + 7) / 8 * 8 * copies)
        let result = bpf_map_lookup_elem(descriptor.raw, key, &value)
        if result == -ENOENT { return nil }
        guard result == 0 else { throw NodeError.bpf("read", name, result) }
        return copies == 1 ? Array(value.prefix(valueSize)) : value
    }

    /// All elements, in no order; one that comes or goes meanwhile may be there or not.
    func all() throws(NodeError) -> [(key: [UInt8], value: [UInt8])] {
        var elements: [(key: [UInt8], value: [UInt8])] = []
        var key: [UInt8]?
        while true {
            var next = [UInt8](repeating: 0, count: keySize)
            let result = bpf_map_get_next_key(descriptor.raw, key, &next)
            if result == -ENOENT { return elements }
            guard result == 0 else { throw NodeError.bpf("list", name, result) }
            if let value = try get(next) { elements.append((next, value)) }
            key = next
        }
    }
}

extension NodeError {
    /// - Parameter result: minus an errno, as libbpf answers.
    static func bpf(_ operation: String, _ subject: String, _ result: Int32, message: String = "") -> NodeError {
        NodeError(.errno(-result), operation: operation, subject: subject, message: message)
    }
}
