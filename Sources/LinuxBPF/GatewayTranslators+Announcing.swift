import Addressing
import CBPF
import Glibc
import LinuxProcesses
import NetworkPlanning
import NodePorts

/// By which devices guests are told of the prefix. On the thread of the namespace.
extension GatewayTranslators {
    /// The indexes of the segments' devices that have a program of ours on their egress.
    static func announcing(_ socket: RouteSocket) throws(NodeError) -> [InterfaceName: UInt32] {
        guard let list = if_nameindex() else {
            throw NodeError(.errno(errno), operation: "list", subject: "devices")
        }
        defer { if_freenameindex(list) }
        var found: [InterfaceName: UInt32] = [:]
        var place = list
        while let text = place.pointee.if_name {
            let index = place.pointee.if_index
            place += 1
            // What has a name that KC could not have given is no segment's.
            guard let name = try? InterfaceName(String(cString: text)), name.isGatewaySegment,
                try program(on: index, isEgress: true) != 0
            else { continue }
            found[name] = index
        }
        return found
    }

    /// - Parameters:
    ///   - anew: the programs that run there are of another object, with other tables.
    ///   - end: the device that holds the program.
    static func announce(
        on wanted: Set<InterfaceName>, anew: Bool, _ end: UInt32, _ socket: RouteSocket
    ) throws(NodeError) {
        let present = try announcing(socket)
        for (name, index) in present where !wanted.contains(name) {
            try check(cbpf_detach(Int32(index), 1), "detach from", name.text)
        }
        let missing = wanted.filter { anew || present[$0] == nil }.sorted()
        guard !missing.isEmpty else { return }
        let raw = bpf_prog_get_fd_by_id(try program(on: end, isEgress: true))
        guard raw >= 0 else { throw NodeError.bpf("open", "the program for advertisements", raw) }
        let held = FileDescriptor(owning: raw)
        for name in missing {
            let index = socket.index(of: name)
            // Gone since it was asked for: the next look asks again, or no more.
            guard index != 0 else { continue }
            try check(cbpf_attach(Int32(index), 1, held.raw), "attach the program for advertisements to", name.text)
        }
    }
}

extension InterfaceName {
    /// Named as the port of a gateway on a segment is.
    fileprivate var isGatewaySegment: Bool { text.hasPrefix("seg") }
}
