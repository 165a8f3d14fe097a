import Addressing
import CBPF
import Glibc
import LinuxProcesses
package import NetworkPlanning
package import NodePorts
import Synchronization

/// The program before the guard (BPF/guard), loaded into the kernel, with its table of what it marks, which is empty at first.
///
/// Both live as long as this object, or a filter of a block holds them. Its calls may come from any thread.
package final class GuardProgram: FrameMarks {
    private let program: FileDescriptor
    private let simple: BPFMap
    private let places = Mutex(Places())

    private struct Places {
        /// Whose record is at a place.
        var devices: [UInt32: UInt32] = [:]
        var generation: UInt64 = 0
    }

    /// - Throws: when there is no such file, or the kernel refuses it: the guard works without it.
    package init(path: String) throws(NodeError) {
        let object = try BPFObject(path: path)
        program = try FileDescriptor.copying(try object.descriptor(ofProgram: "guard_enter"))
        simple = try BPFMap(owning: dup(try object.descriptor(ofTable: "simple")))
    }

    /// The one beside the running program, where `tools/bpf` and `tools/install` put it.
    package convenience init() throws(NodeError) { try self.init(path: besideProgram("guard.bpf.o")) }

    /// Why it cannot be loaded; nil when it can. Tried with the kernel.
    package static func obstacle() -> NodeError? {
        do throws(NodeError) {
            _ = try GuardProgram()
            return nil
        } catch {
            return error
        }
    }

    /// For filters that are to run it; open as long as this object lives.
    package var descriptor: Int32 { program.raw }

    /// Two devices with the same lower bits share a place: it is the first one's.
    package func put(_ record: SimpleFrames.Record, device: UInt32) throws(NodeError) {
        let slot = Self.slot(of: device)
        try places.withLock { places throws(NodeError) in
            if let other = places.devices[slot], other != device { return }
            try withdraw(slot)
            places.devices[slot] = nil
            places.generation += 1
            var port = guard_port(record, device: device)
            try write(port, slot)
            port.generation = places.generation
            try write(port, slot)
            places.devices[slot] = device
        }
    }

    package func remove(device: UInt32) throws(NodeError) {
        let slot = Self.slot(of: device)
        try places.withLock { places throws(NodeError) in
            guard places.devices[slot] == device else { return }
            try withdraw(slot)
            places.devices[slot] = nil
        }
    }

    package func clear() throws(NodeError) {
        try places.withLock { places throws(NodeError) in
            for slot in places.devices.keys { try withdraw(slot) }
            places.devices = [:]
        }
    }

    /// What is there stays readable and whole, and holds no more.
    private func withdraw(_ slot: UInt32) throws(NodeError) {
        guard let bytes = try simple.get(Self.key(slot)) else { return }
        var port = bytes.withUnsafeBytes { $0.loadUnaligned(as: guard_port.self) }
        if port.generation == 0 { return }
        port.generation = 0
        try write(port, slot)
    }

    private func write(_ port: guard_port, _ slot: UInt32) throws(NodeError) {
        try simple.put(Self.key(slot), withUnsafeBytes(of: port, Array.init))
    }

    /// Runs the program on one Ethernet frame, as if it had come to the namespace's loopback device (index 1).
    /// - Parameter mark: what the frame has before.
    /// - Returns: the verdict (TC_ACT_*), and the mark afterwards.
    package func run(on frame: [UInt8], mark: UInt32) throws(NodeError) -> (verdict: Int32, mark: UInt32) {
        var mark = mark
        var verdict: UInt32 = 0
        let result = cbpf_mark(program.raw, frame, UInt32(frame.count), &mark, &verdict)
        guard result == 0 else { throw NodeError.bpf("run", "guard_enter", result) }
        return (Int32(bitPattern: verdict), mark)
    }

    private static func slot(of device: UInt32) -> UInt32 { device & UInt32(GUARD_SLOTS - 1) }

    private static func key(_ slot: UInt32) -> [UInt8] { withUnsafeBytes(of: slot, Array.init) }
}

extension guard_port {
    /// Of no generation yet.
    fileprivate init(_ record: SimpleFrames.Record, device: UInt32) {
        self.init()
        self.device = device
        mark = record.mark
        mac_and_type = record.macAndType.bigEndian
        is_everywhere = record.isEverywhere ? 1 : 0
        is_router = record.sources == nil ? 1 : 0
        let halves = record.networks.sorted().map(\.bigEndian)
        networks = (halves.first ?? .max, halves.last ?? .max)
        let own = record.sources ?? []
        withUnsafeMutableBytes(of: &sources) { bytes in
            let room = bytes.assumingMemoryBound(to: guard_address.self)
            for index in room.indices {
                let source = index < own.count ? own[index] : nil
                room[index] = guard_address(
                    network: source?.high.bigEndian ?? .max, interface: source?.low.bigEndian ?? .max)
            }
        }
    }
}
