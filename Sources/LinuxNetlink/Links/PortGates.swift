import CLinux
import Glibc
import NFTables

/// The gates of a namespace's ports, where the kernel attaches programs without a queue (tcx, Linux 6.6).
///
/// A queue for each port (clsact) does the same on older kernels, and costs more with each one that there is: for every
/// new one the kernel walks all others of the machine (`flow_indr_dev_setup_offload`).
///
/// Programs and what they count outlive the agent: each life of it has its own, and reads those of the ones before.
/// Belongs to the one thread of its namespace.
final class PortGates {
    /// What this life attaches; nil before the first port.
    private var program: Int32?
    /// Tables of counts by their program's id; nil for a program that is no gate.
    private var tables: [UInt32: Int32?] = [:]
    /// The kernel has said that it lacks tcx.
    private(set) var isUnsupported = false

    /// As many ports of one life can be counted; the kernel takes memory for those alone that dropped something.
    private static let entries: UInt32 = 65536
    /// As many programs of others at a port are looked through.
    private static let capacity = 16

    deinit {
        for case .some(let descriptor) in [program] + Array(tables.values) { close(descriptor) }
    }

    /// Closes a device. Does no harm to one that has its gate; false when the kernel cannot.
    func attach(to device: Int32) throws(KernelError) -> Bool {
        guard !isUnsupported, let found = programs(at: device) else { return false }
        if found.contains(where: isGate) { return true }
        if clinux_gate_attach(device, try loaded()) == 0 || errno == EEXIST { return true }
        throw .last("attach gate")
    }

    func isGated(_ device: Int32) -> Bool { programs(at: device)?.contains(where: isGate) ?? false }

    /// Learns of the gates that former lives left.
    func adopt(_ devices: [Int32]) {
        for device in devices { for id in programs(at: device) ?? [] { _ = isGate(id) } }
    }

    /// Frames dropped by index of the device, of all lives; counts of devices that are gone are forgotten.
    func dropped(exists: (Int32) -> Bool) -> [Int32: UInt64] {
        var dropped: [Int32: UInt64] = [:]
        for case .some(let table) in tables.values {
            var (device, frames, gone): (UInt32, UInt64, [UInt32]) = (0, 0, [])
            while clinux_gate_next(table, &device, &frames) == 0 {
                let index = Int32(bitPattern: device)
                if exists(index) { dropped[index, default: 0] += frames } else { gone.append(device) }
            }
            for device in gone { clinux_gate_forget(table, device) }
        }
        return dropped
    }

    /// nil, and known from then on, where the kernel has no place for programs.
    private func programs(at device: Int32) -> [UInt32]? {
        guard !isUnsupported else { return nil }
        return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Self.capacity) { ids in
            let count = clinux_gate_query(device, ids.baseAddress, UInt32(Self.capacity))
            if count >= 0 { return Array(ids.prefix(Int(count))) }
            if errno == EINVAL { isUnsupported = true }
            return nil
        }
    }

    private func isGate(_ id: UInt32) -> Bool {
        if let known = tables[id] { return known != nil }
        let table = clinux_gate_open(id)
        // Another's program, or one that went away at this moment.
        tables[id] = .some(table < 0 ? nil : table)
        return table >= 0
    }

    private func loaded() throws(KernelError) -> Int32 {
        if let program { return program }
        let table = clinux_gate_map(Self.entries)
        guard table >= 0 else { throw .last("make the table of gates") }
        defer { close(table) }
        let loaded = clinux_gate_program(KCRuleset.FrameMark.delivered, table)
        guard loaded >= 0 else { throw .last("load gate") }
        program = loaded
        return loaded
    }
}
