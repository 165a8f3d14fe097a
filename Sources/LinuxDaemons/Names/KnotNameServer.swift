package import Addressing
package import DaemonConfigs
import FoundationEssentials
import Glibc
import LinuxProcesses
package import NetworkModel
import NetworkPlanning
package import NodePorts
package import Resources

/// Knot DNS: its zone files and keys through the file system and its own tools.
///
/// Under the agent's state: `zones/<zone id>.zone`, `keys/` and `journal/` of Knot, `tsig/<name>.key` put there by an
/// operator (base64, one line). The folder is root's alone.
package final class KnotNameServer: NameServer {
    package let places: NameServerPlaces
    private let tools: NamespaceThread<KnotTools>
    /// Apart, because a question may wait for an answer that does not come.
    private let asking: NamespaceThread<Asking>

    /// - Throws: when one of the folders has a name that cannot stand in a configuration file.
    package init(runDirectory: String, stateDirectory: String) throws(NodeError) {
        func path(_ text: String) throws(NodeError) -> ConfigurationPath {
            guard let path = ConfigurationPath(text) else {
                throw NodeError(
                    .program, operation: "use", subject: text,
                    message: "the folder of the name server must have letters, digits, '.', '_', '-' and '/' alone "
                        + "in its path, at most 107")
            }
            return path
        }
        let places = NameServerPlaces(
            run: try path(runDirectory + "/dns"), storage: try path(stateDirectory + "/dns"),
            pidFile: try path("\(runDirectory)/daemons/\(DaemonInstance.nameServer)/pid"))
        self.places = places
        tools = NamespaceThread("kc-names", in: nil) { () throws(NodeError) -> KnotTools in KnotTools(places) }
        asking = NamespaceThread("kc-names-ask", in: nil) { () throws(NodeError) -> Asking in Asking() }
    }

    package func transferKeys() async throws(NodeError) -> (keys: [Name: TransferSecret], problems: [String]) {
        try await tools.run { tools throws(NodeError) in try tools.transferKeys() }
    }

    package func install(_ key: SigningKey, of domain: DomainName) async throws(NodeError) -> String {
        try await tools.run { tools throws(NodeError) in try tools.install(ZoneKey(key), of: domain) }
    }

    package func write(_ file: ZoneFile, of zone: ResourceID) async throws(NodeError) {
        try await tools.run { tools throws(NodeError) in try tools.write(file, of: zone) }
    }

    package func reload(_ domains: [DomainName]) async throws(NodeError) {
        try await tools.run { tools throws(NodeError) in try tools.reload(domains) }
    }

    package func keep(_ zones: Set<ResourceID>, keysOf domains: Set<DomainName>) async throws(NodeError) {
        try await tools.run { tools throws(NodeError) in try tools.keep(zones, keysOf: domains) }
    }

    package func ask(_ address: IPv6Address, of domain: DomainName) async -> NameServerAnswer {
        do throws(NodeError) {
            return try await asking.run { _ throws(NodeError) in
                DatagramQuestion.ask(address, of: domain, within: .milliseconds(500))
            }
        } catch {
            return .silent
        }
    }
}

/// A thread's state that has none.
private final class Asking: ThreadState {
    var watched: [Int32] { [] }
    func isReady(_ descriptor: Int32) {}
    var deadline: ContinuousClock.Instant? { nil }
    func deadlineIsOver() {}
}
