import Addressing
import Logging
import NetworkModel
import NetworkPlanning
import NodePorts

/// Looks at the host through the ports: at everything, or again at parts of what was seen before.
struct HostObserver: Sendable {
    private let ports: HostPorts

    private let logger: Logger

    init(_ ports: HostPorts, _ logger: Logger) {
        self.ports = ports
        self.logger = logger
    }

    /// More devices than this are looked at by a dump of all, which then costs less than asking for each.
    static let manyLinks = 256

    /// - Parameter wanted: the namespaces that attachments and gateways name; those of KC's own are looked at anyway.
    func everything(wanted: Set<NamespaceName>) async throws(NodeError) -> ObservedHost {
        var host = ObservedHost()
        // The adapters have threads of their own.
        async let filter = filter()
        async let daemons = ports.daemons.observe()
        host.links = try await ports.links.observe(in: nil)
        host.exports = try await ports.export.exported()
        host.filter = try await filter.get()
        host.daemons = await daemons
        host.namespaces = try await ports.namespaces.list()
        for name in host.namespaces.sorted() where name.isGateway || wanted.contains(name) {
            do throws(NodeError) {
                host.inside[name] = try await observe(inside: name)
                if name.isGateway { host.firewalls[name] = try await ports.firewalls.observe(in: name) }
            } catch {
                // It went away since it was listed, or it cannot be looked into.
                if error.isMissing { host.namespaces.remove(name) } else { log(name, error) }
            }
        }
        return host
    }

    /// The same with its index.
    func survey(wanted: Set<NamespaceName>) async -> Result<HostSurvey, NodeError> {
        do throws(NodeError) { return .success(HostSurvey(try await everything(wanted: wanted))) } catch {
            return .failure(error)
        }
    }

    private func filter() async -> Result<ObservedFilter, NodeError> {
        do throws(NodeError) { return .success(try await ports.filter.observe()) } catch { return .failure(error) }
    }

    /// Looks again at the devices of those names in the host's own namespace, whether they exist or not.
    /// - Parameter exports: whether what is exported is looked at, too: only gateways depend on it.
    func look(
        at names: Set<InterfaceName>, exports: Bool = true, of state: inout PlanningState
    ) async throws(NodeError) {
        guard !names.isEmpty else { return }
        guard names.count <= Self.manyLinks else { return try await lookAtLinks(of: &state) }
        let seen = try await ports.links.observe(links: names, in: nil)
        let exported = exports ? try await ports.export.exported() : state.observed.exports
        state.observe(routing: seen, exports: exported)
        for name in names {
            state.observe(seen.links[name], at: name)
            state.observe(floods: seen.floods[name] ?? [], addresses: seen.addresses[name] ?? [], of: name)
        }
    }

    /// Looks again at all devices of the host's own namespace.
    func lookAtLinks(of state: inout PlanningState) async throws(NodeError) {
        var host = state.observed
        host.links = try await ports.links.observe(in: nil)
        host.exports = try await ports.export.exported()
        state.observe(host)
    }

    /// Looks whether a namespace exists, and into it.
    func look(inside name: NamespaceName, of state: inout PlanningState) async {
        do throws(NodeError) {
            let links = try await observe(inside: name)
            if name.isGateway {
                state.observe(firewall: try await ports.firewalls.observe(in: name), inside: name)
            }
            state.observe(namespaces: state.observed.namespaces.union([name]))
            state.observe(inside: name, links)
        } catch {
            let isThere = !error.isMissing
            if isThere { log(name, error) }
            state.observe(
                namespaces: isThere
                    ? state.observed.namespaces.union([name])
                    : state.observed.namespaces.subtracting([name]))
            state.observe(inside: name, nil)
        }
    }

    /// Concerns only what is in that namespace: the rest of the host is looked at and worked on all the same.
    private func log(_ name: NamespaceName, _ error: NodeError) {
        logger.error(
            "cannot look into a namespace", metadata: ["namespace": "\(name)", "reason": "\(error)"])
    }

    private func observe(inside name: NamespaceName) async throws(NodeError) -> ObservedLinks {
        var links = try await ports.links.observe(in: name)
        if name.isGateway, links.links[.translator] != nil {
            links.translator = try await ports.translators.observe(in: name)
        }
        return links
    }

    func lookAtFilter(of state: inout PlanningState) async throws(NodeError) {
        state.observe(try await ports.filter.observe())
    }

    func lookAtDaemons(of state: inout PlanningState) async { state.observe(daemons: await ports.daemons.observe()) }
}

extension NodeError {
    /// The namespace does not exist.
    var isMissing: Bool { code == .noSuchNamespace }
}

extension NamespaceName {
    /// Made by KC for a gateway (`kcg-…`).
    var isGateway: Bool { text.hasPrefix("kcg-") }
}
