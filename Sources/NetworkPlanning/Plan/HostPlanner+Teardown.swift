import Addressing
import NFTables
import NetworkModel
import Resources

extension HostPlanner {
    /// Takes away all that is ours, and nothing else: what `kcd node --remove` does.
    ///
    /// Needs no snapshot: what is ours says so. The packet filter goes last, so that nothing forwards ungated meanwhile.
    package static func removal(observed: ObservedHost) -> HostPlan {
        let seen = ObservedIndex(observed)
        var steps: [Step] = []
        for instance in observed.daemons.keys.sorted() {
            steps.append(Step(.stopDaemon(instance: instance, withdraw: true), for: .orphan))
        }
        for name in observed.filter.ready.sorted() {
            let elements = observed.filter.content[.port(name)].sorted()
            steps.append(Step(.filter(.close(name, elements)), for: seen.marks[name]?.subject ?? .orphan))
        }
        for route in observed.exports.sorted() { steps.append(Step(.withdraw(route), for: .orphan)) }
        for (id, namespaces) in seen.gateways.sorted(by: { $0.key < $1.key }) {
            for name in namespaces.sorted() {
                guard let link = observed.inside[name]?.links[.up0], case .uplink(let mark) = DeviceMark.of(link),
                    let taken = mark.taken, observed.links.links[taken.name] == nil
                else { continue }
                let operations: [Operation] =
                    [.link(.move(.up0, to: nil, as: taken.name), in: name)] + taken.release(nil).map { .link($0) }
                steps += operations.map { Step($0, for: .gateway(id)) }
            }
        }
        for (id, namespaces) in seen.gateways.sorted(by: { $0.key < $1.key }) {
            for name in namespaces.sorted() { steps.append(Step(.deleteNamespace(name), for: .gateway(id))) }
        }
        for name in seen.unfinishedNamespaces.sorted() where observed.inside[name]?.strangers.isEmpty == true {
            steps.append(Step(.deleteNamespace(name), for: .orphan))
        }
        var removal = TeardownDraft(observed: observed, seen: seen)
        for name in seen.marks.keys.sorted() { removal.take(name) }
        for name in seen.unfinished.sorted() where seen.marks[name] == nil {
            removal.ports.append(Step(.link(.delete(name)), for: .orphan))
        }
        steps += removal.ports + removal.tunnels + removal.bridges
        if observed.filter.isPresent { steps.append(Step(.filter(.uninstall), for: .host)) }
        return HostPlan(steps: steps)
    }
}

/// Devices by the order in which they must go.
private struct TeardownDraft {
    let observed: ObservedHost
    let seen: ObservedIndex
    var ports: [Step] = []
    var tunnels: [Step] = []
    var bridges: [Step] = []

    mutating func take(_ name: InterfaceName) {
        guard let mark = seen.marks[name], let link = observed.links.links[name] else { return }
        let deletion = Step(.link(.delete(name)), for: mark.subject)
        switch (mark, link.kind) {
        case (.external(let external), _):
            for operation in ExternalMark.release(link, external, from: seen) {
                ports.append(Step(.link(operation), for: mark.subject))
            }
        case (.gateway, _): break
        case (.uplink(let mark), _):
            if let taken = mark.taken {
                for operation in taken.release(link) {
                    ports.append(Step(.link(operation), for: .gateway(mark.gateway)))
                }
            } else {
                ports.append(deletion)
            }
        case (.attachment, _): ports.append(deletion)
        case (_, .bridge): bridges.append(deletion)
        default: tunnels.append(deletion)
        }
    }
}
