import Addressing
import DaemonConfigs
import LinuxProcesses
import NetworkPlanning
import NodePorts

/// The device, routes and settings that packets reach tayga by, in the namespace of the calling thread. By ip(8): this is
/// the slow way in any case.
struct TaygaPlumbing: Sendable {
    private let mtu: Int
    private let prefix: String
    private let ipv4: Set<String>

    init(_ spec: TranslatorSpec) {
        // What is IPv6 in the device has been or becomes IPv4 with 20 bytes less.
        mtu = min(spec.ipv6MTU, spec.outerMTU + 20)
        prefix = spec.prefix.description
        var routes = spec.routes
        if let block = spec.block {
            routes.remove(block)
            routes.insert(.taygaBlock)
        }
        ipv4 = Set(routes.map { $0.length == 32 ? $0.address.description : $0.description })
    }

    func make() throws(NodeError) {
        let device = InterfaceName.translator.text
        if try !Self.exists() { try Self.ip("tuntap", "add", "dev", device, "mode", "tun", "pi") }
        try Self.ip("link", "set", device, "mtu", "\(mtu)", "up")
        try Self.run(
            "/usr/sbin/sysctl",
            [
                "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.\(device).rp_filter=0",
                "net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.\(device).send_redirects=0",
            ])
        try Self.ip("-6", "route", "replace", prefix, "dev", device)
        for stale in try Self.routes().subtracting(ipv4).sorted() {
            try Self.ip("route", "delete", stale, "dev", device)
        }
        for route in ipv4.sorted() { try Self.ip("route", "replace", route, "dev", device) }
    }

    func isThere() throws(NodeError) -> Bool {
        guard try Self.exists() else { return false }
        let link = try Self.ip("-o", "link", "show", InterfaceName.translator.text)
        let inner = try Self.ip("-6", "route", "show", prefix, "dev", InterfaceName.translator.text)
        let outer = try Self.routes()
        return link.contains(",UP") && link.contains("mtu \(mtu) ") && !inner.isEmpty && outer == ipv4
    }

    static func remove() throws(NodeError) {
        if try exists() { try ip("link", "delete", InterfaceName.translator.text) }
    }

    private static func exists() throws(NodeError) -> Bool {
        let list = try ip("-br", "link", "show")
        return list.split(separator: "\n").contains {
            $0.prefix { $0 != " " && $0 != "@" } == InterfaceName.translator.text
        }
    }

    private static func routes() throws(NodeError) -> Set<String> {
        let list = try ip("route", "show", "dev", InterfaceName.translator.text)
        return Set(list.split(separator: "\n").compactMap { $0.split(separator: " ").first.map(String.init) })
    }

    @discardableResult
    private static func ip(_ words: String...) throws(NodeError) -> String { try run("/usr/sbin/ip", words) }

    @discardableResult
    private static func run(_ program: String, _ words: [String]) throws(NodeError) -> String {
        let (end, output) = try ChildProcess.run(program, words, within: .seconds(10))
        guard end == .exited(0) else {
            throw NodeError(
                .program, operation: "run", subject: ([program] + words).joined(separator: " "),
                message: String(output.suffix(500)))
        }
        return output
    }
}
