import Addressing
import CBPF
import Glibc
import LinuxProcesses
package import NetworkModel
package import NetworkPlanning
package import NodePorts

/// The kernel's translator in gateways' namespaces: one set of programs and tables for each, held by the filters that run
/// them. So an agent that ends or starts changes nothing, and a namespace that goes takes its translator with it.
package final class GatewayTranslators: Translators {
    private let path: String

    /// - Parameter path: of the object file; nil looks beside the running program.
    package init(path: String? = nil) {
        self.path = path ?? besideProgram("nat64.bpf.o")
        cbpf_silence()
    }

    /// Why the programs cannot be loaded on this machine; nil when they can.
    package func obstacle() async -> NodeError? {
        let path = path
        let thread = NamespaceThread("kc-translate", in: nil) { () throws(NodeError) in try RouteSocket() }
        do throws(NodeError) {
            try await thread.run { _ throws(NodeError) in _ = try TranslatorObject(path: path) }
            return nil
        } catch {
            return error
        }
    }

    package func observe(in namespace: NamespaceName) async throws(NodeError) -> TranslatorSpec? {
        try await inside(namespace) { socket throws(NodeError) in try Self.observe(socket) }
    }

    package func ensure(_ spec: TranslatorSpec, in namespace: NamespaceName) async throws(NodeError) {
        let path = path
        try await inside(namespace) { socket throws(NodeError) in try Self.ensure(spec, path, socket) }
    }

    package func remove(in namespace: NamespaceName) async throws(NodeError) {
        try await inside(namespace) { socket throws(NodeError) in
            let outer = try Self.attached(socket)?.settings()?.outerDevice ?? 0
            for device in try Self.announcing(socket).values { _ = cbpf_detach(Int32(device), 1) }
            if outer != 0 { try Self.check(cbpf_detach(Int32(outer), 0), "detach from", "device \(outer)") }
            try TranslatorPlumbing(socket: socket).removeDevices()
        }
    }

    package func statistics(in namespace: NamespaceName) async throws(NodeError) -> TranslatorStatistics? {
        try await inside(namespace) { socket throws(NodeError) in
            guard let tables = try Self.attached(socket) else { return nil }
            var statistics = TranslatorStatistics(counts: try tables.counts())
            for (ipv4, ipv6) in try tables.mappings() {
                statistics.traffic[ipv4] = try tables.traffic(of: ipv4, ipv6)
            }
            return statistics
        }
    }

    private func inside<Value: Sendable>(
        _ namespace: NamespaceName, _ job: @escaping @Sendable (RouteSocket) throws(NodeError) -> Value
    ) async throws(NodeError) -> Value {
        let thread = NamespaceThread("kc-translate", in: namespace) { () throws(NodeError) in try RouteSocket() }
        return try await thread.run(job)
    }

    // MARK: On the thread

    /// The tables of the translator that runs in the namespace; nil for none.
    private static func attached(_ socket: RouteSocket) throws(NodeError) -> TranslatorTables? {
        let device = socket.index(of: .translator)
        guard device != 0 else { return nil }
        let id = try program(on: device, isEgress: true)
        guard id != 0 else { return nil }
        let raw = bpf_prog_get_fd_by_id(id)
        guard raw >= 0 else { throw NodeError.bpf("open", "program \(id)", raw) }
        let program = FileDescriptor(owning: raw)
        return try TranslatorTables(ofProgram: program.raw)
    }

    static func program(on device: UInt32, isEgress: Bool) throws(NodeError) -> UInt32 {
        var id: UInt32 = 0
        try check(cbpf_attached(Int32(device), isEgress ? 1 : 0, &id), "look at the filters of", "device \(device)")
        return id
    }

    /// nil when any part is missing: then all of it is looked after again.
    private static func observe(_ socket: RouteSocket) throws(NodeError) -> TranslatorSpec? {
        guard let tables = try attached(socket), let settings = try tables.settings() else { return nil }
        let inner = socket.index(of: .translator)
        let end = socket.index(of: .translatorEnd)
        guard settings.innerDevice == inner, end != 0, try program(on: end, isEgress: false) != 0,
            try program(on: end, isEgress: true) != 0
        else { return nil }
        var spec = TranslatorSpec(
            prefix: settings.prefix, own: settings.own, block: settings.block, ipv6MTU: settings.ipv6MTU,
            outerMTU: settings.outerMTU, mappings: try tables.mappings(),
            announced: Set(try announcing(socket).keys))
        if settings.outerDevice != 0 {
            guard let name = socket.name(of: settings.outerDevice),
                try program(on: settings.outerDevice, isEgress: false) != 0
            else { return nil }
            spec.outer = name
        }
        let plumbing = TranslatorPlumbing(socket: socket)
        let routes = try plumbing.ipv4Routes(to: inner)
        let prefixes = try plumbing.prefixes(routedTo: inner)
        if let block = spec.block {
            let others = Set(routes.keys).subtracting(spec.routes).subtracting([block])
            if others.count == 1, let only = others.first, only.length == 32 { spec.outgoing = only.address }
        }
        let wanted = [IPv4Prefix: Int](uniqueKeysWithValues: spec.routes.map { ($0, spec.routeMTU) })
        return prefixes == [spec.prefix] && routes == wanted ? spec : nil
    }

    private static func ensure(_ spec: TranslatorSpec, _ path: String, _ socket: RouteSocket) throws(NodeError) {
        let plumbing = TranslatorPlumbing(socket: socket)
        try plumbing.makeDevices(mtu: spec.innerMTU)
        let inner = socket.index(of: .translator)
        let end = socket.index(of: .translatorEnd)
        let outer = spec.outer.map { socket.index(of: $0) } ?? 0
        let settings = TranslatorSettings(
            prefix: spec.prefix, own: spec.own, block: spec.block, innerDevice: inner, outerDevice: outer,
            ipv6MTU: spec.ipv6MTU, outerMTU: spec.outerMTU)
        let running = try attached(socket)
        let before = try running?.settings()
        // Of another layout, or not whole: a new one takes its place. Its counts begin anew.
        var object: TranslatorObject?
        let tables: TranslatorTables
        let splitter = try program(on: end, isEgress: false)
        let announcer = try program(on: end, isEgress: true)
        let receiver = outer == 0 ? 1 : try program(on: outer, isEgress: false)
        if let running, before != nil, splitter != 0, receiver != 0, announcer != 0 {
            tables = running
        } else {
            let loaded = try TranslatorObject(path: path)
            tables = try loaded.tables()
            object = loaded
        }
        let present = try tables.mappings()
        for (ipv4, ipv6) in present where spec.mappings[ipv4] != ipv6 { try tables.unmap(ipv4, from: ipv6) }
        for (ipv4, ipv6) in spec.mappings where present[ipv4] != ipv6 { try tables.map(ipv4, to: ipv6) }
        if try tables.settings() != settings { try tables.configure(settings) }
        if let object {
            try attach(object, .inner, inner, isEgress: true)
            try attach(object, .split, end, isEgress: false)
            // Nothing leaves there: it is kept for segments that come later.
            try attach(object, .announce, end, isEgress: true)
            if outer != 0 { try attach(object, .outer, outer, isEgress: false) }
        }
        if let former = before?.outerDevice, former != 0, former != outer {
            // It may have gone with its device.
            _ = cbpf_detach(Int32(former), 0)
        }
        try announce(on: spec.announced, anew: object != nil, end, socket)
        try plumbing.route(ipv6: spec.prefix, ipv4: spec.routes, mtu: spec.routeMTU)
    }

    private static func attach(
        _ object: TranslatorObject, _ program: TranslatorObject.Program, _ device: UInt32, isEgress: Bool
    ) throws(NodeError) {
        let descriptor = try object.descriptor(of: program)
        try check(
            cbpf_attach(Int32(device), isEgress ? 1 : 0, descriptor), "attach \(program.rawValue) to",
            "device \(device)")
    }

    static func check(_ result: Int32, _ operation: String, _ subject: String) throws(NodeError) {
        guard result >= 0 else { throw NodeError.bpf(operation, subject, result) }
    }
}
