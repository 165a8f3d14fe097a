import Addressing
import Glibc
import NFTables
import NetworkPlanning
import NodePorts

/// Keeps what is marked before the guard a part of what the guard says: takes away before a change, and gives back behind it.
///
/// Lives on the filter's thread, inside its namespace.
struct MarkedPorts {
    private let marks: any FrameMarks
    /// What follows from the elements in the kernel. Nothing follows from a part of what is said of a port.
    private var frames = SimpleFrames()
    /// Whether it is about all ports but
    private var isWhole = false
    /// those that a change was tried of, and it is not known how it went.
    private var doubtful: Set<InterfaceName> = []
    /// What is marked now.
    private var written: [InterfaceName: Written] = [:]
    private var prepared = Prepared()

    /// What is to be known of the ports of the changes that are on their way.
    private struct Prepared {
        var ports: Set<InterfaceName> = []
        var frames = SimpleFrames()
        var doubtful: Set<InterfaceName> = []
    }

    private struct Written {
        var device: UInt32
        var record: SimpleFrames.Record
    }

    private let index: (InterfaceName) -> UInt32

    /// - Parameter index: the kernel's, of the device of that name; 0: there is none.
    init(_ marks: any FrameMarks, index: @escaping (InterfaceName) -> UInt32 = { if_nametoindex($0.text) }) {
        self.marks = marks
        self.index = index
    }

    /// Before these changes: nothing is marked that they may take away.
    /// - Throws: when that cannot be had: then nothing may be changed.
    mutating func prepare(for changes: [ElementChange]) throws(NodeError) {
        let ports = SimpleFrames.ports(of: changes.map(\.element))
        var remaining = frames.only(ports)
        var all = remaining
        remaining.remove(changes.lazy.filter { !$0.isAddition }.map(\.element))
        // In order, as the kernel does them.
        for change in changes {
            let element = CollectionOfOne(change.element)
            if change.isAddition { all.add(element) } else { all.remove(element) }
        }
        prepared = Prepared(ports: ports, frames: all, doubtful: doubtful.intersection(ports))
        for port in ports {
            let now = written[port]?.record
            let isSame = isKnown(port) && remaining.record(of: port) == now && all.record(of: port) == now
            if !isSame { try unmark(port) }
            doubtful.insert(port)
        }
    }

    /// After they were done.
    mutating func conclude() {
        frames.replace(prepared.ports, by: prepared.frames)
        doubtful.subtract(prepared.ports)
        doubtful.formUnion(prepared.doubtful)
        for port in prepared.ports { refresh(port) }
        prepared = Prepared()
    }

    private func isKnown(_ port: InterfaceName) -> Bool { isWhole && !doubtful.contains(port) }

    /// These are the elements in the kernel, all of them.
    mutating func adopt(_ elements: some Sequence<GuardElement>) {
        (frames, isWhole, doubtful) = (SimpleFrames(elements), true, [])
        for port in Set(written.keys).union(frames.ports) { refresh(port) }
    }

    /// Nothing is marked, and nothing known.
    mutating func clear() throws(NodeError) {
        (frames, isWhole, doubtful) = (SimpleFrames(), false, [])
        try marks.clear()
        written = [:]
    }

    /// The device of the port may be another one, or the first.
    mutating func refresh(_ port: InterfaceName) {
        let device = index(port)
        let wanted = device != 0 && isKnown(port) ? frames.record(of: port) : nil
        // What cannot be given is looked at by the guard. What cannot be taken is tried again at each occasion, and before each
        // change, which then waits.
        do throws(NodeError) {
            if let old = written[port] {
                if old.device == device, old.record == wanted { return }
                try unmark(port)
            }
            guard let wanted else { return }
            try marks.put(wanted, device: device)
            written[port] = Written(device: device, record: wanted)
        } catch {}
    }

    private mutating func unmark(_ port: InterfaceName) throws(NodeError) {
        guard let device = written[port]?.device else { return }
        try marks.remove(device: device)
        written[port] = nil
    }
}
