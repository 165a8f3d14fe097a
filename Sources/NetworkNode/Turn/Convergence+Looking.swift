import Addressing
import HostState
import Logging
import NetworkModel
import NetworkPlanning
import NodePorts

/// The part of a turn that looks at the host.
extension Convergence {
    /// Looks where the turn's attention is.
    /// - Returns: what is to be planned; nil when the host could not be looked at.
    mutating func look(_ focus: inout Focus) async -> PlanScope? {
        guard var state else { return nil }
        let attention = focus.attention
        // Held by this variable alone while it is changed, so that it is changed in place.
        self.state = nil
        defer { self.state = state }
        do {
            if let survey = focus.survey {
                if counters.firstSync == nil { focus.isFirst = true }
                try await adopt(survey, focus, into: &state)
                hasLooked = true
                return .whole
            }
            if attention.filter {
                // Mostly the echo of the agent's own work; only what nobody expected can concern any port.
                let known = state.observed.filter
                surveying?.filter = true
                try await observer.lookAtFilter(of: &state)
                if state.observed.filter == known { focus.attention.filter = false }
            }
            var scope = PlanScope(focus.attention, state.desired, names)
            scope.formUnion(focus.scope)
            surveying?.note(attention)
            if scope.hasExternal(state.desired) {
                // Whether such an interface may be taken depends on routes, which only a full look shows.
                try await observer.lookAtLinks(of: &state)
            } else {
                var names = scope.devices(state.desired).union(attention.links)
                // A port that lost its bridge is heard of before the bridge is.
                for id in scope.attachments where !focus.changed.contains(.attachment(id)) {
                    guard let segment = state.desired.attachments[id]?.segment else { continue }
                    names.formUnion(state.desired.segments[segment]?.devices ?? [])
                }
                surveying?.links.formUnion(names)
                names.subtract(focus.unmade.subtracting(attention.links))
                let exports = scope.isWhole || scope.host || !scope.gateways.isEmpty
                try await observer.look(at: names, exports: exports, of: &state)
            }
            let namespaces = scope.namespaces(state.desired)
            surveying?.namespaces.formUnion(namespaces)
            for name in namespaces { await observer.look(inside: name, of: &state) }
            if attention.daemons { await observer.lookAtDaemons(of: &state) }
            scope.formUnion(focus.unseen)
            return scope
        } catch {
            couldNotLook(error)
            return nil
        }
    }

    /// Takes over what became of the steps, so that reports speak of what is and not of what was asked for: what the
    /// kernel has acknowledged on the host's own devices is said to be there, and looked at after the reports (`verify`,
    /// or a survey beside the next turns where it is much); everything else is looked at now.
    mutating func lookAgain(after outcome: PlanOutcome) async {
        guard var state, !(outcome.done.isEmpty && outcome.failures.isEmpty) else { return }
        self.state = nil
        defer { self.state = state }
        var touched = Touched()
        for step in outcome.done {
            touched.note(step.operation)
            // An acknowledgement of the filter is as good as a listing, and costs nothing that grows with the ports.
            if case .filter = step.operation { state.expect(step.operation) }
        }
        var looked = touched
        if touched.isExpectable {
            for step in outcome.done where step.operation.isHosts { state.expect(step.operation) }
            if touched.links.count > HostObserver.manyLinks {
                isUnsurveyed = true
            } else {
                unverified.formUnion(touched.links)
            }
            looked.links = []
        }
        for failure in outcome.failures {
            touched.note(failure.step.operation)
            looked.note(failure.step.operation)
        }
        unverified.subtract(looked.links)
        echoes.noteTouched(touched.links, filter: touched.filter, at: .now)
        surveying?.links.formUnion(touched.links)
        surveying?.namespaces.formUnion(touched.namespaces)
        if touched.filter { surveying?.filter = true }
        if touched.daemons { surveying?.daemons = true }
        do {
            try await observer.look(at: looked.links, exports: looked.exports, of: &state)
            for name in looked.namespaces { await observer.look(inside: name, of: &state) }
            if looked.daemons { await observer.lookAtDaemons(of: &state) }
            // A filter step that failed may have changed nothing or all: ask.
            if outcome.failures.contains(where: \.step.operation.isFilter) {
                try await observer.lookAtFilter(of: &state)
            }
        } catch { couldNotLook(error) }
    }

    /// Looks whether what the kernel had acknowledged is there. To be called when the turn's reports are on their way,
    /// which do not wait for it.
    /// - Returns: whether something is otherwise: the next turn, which is to follow at once, looks into it.
    mutating func verify() async -> Bool {
        guard var state, !unverified.isEmpty else { return false }
        let names = unverified
        unverified = []
        self.state = nil
        defer { self.state = state }
        let expected = names.map { ($0, Aspect($0, state.observed.links)) }
        do throws(NodeError) { try await observer.look(at: names, exports: false, of: &state) } catch {
            couldNotLook(error)
            return true
        }
        for (name, aspect) in expected where !Aspect(name, state.observed.links).isAs(aspect) { doubtful.insert(name) }
        return !doubtful.isEmpty
    }

    /// What of a device is looked at. Copies of it alone, since one of all devices would be a copy of thousands.
    private struct Aspect {
        private let link: ObservedLink?
        private let floods: Set<IPv6Address>?
        private let addresses: Set<InterfaceAddress>?

        init(_ name: InterfaceName, _ links: ObservedLinks) {
            link = links.links[name]
            floods = links.floods[name]
            addresses = links.addresses[name]
        }

        func isAs(_ expected: Aspect) -> Bool {
            guard floods == expected.floods, addresses == expected.addresses else { return false }
            switch (link, expected.link) {
            case (nil, nil): return true
            case (let link?, let expected?): return link.isAs(expected)
            default: return false
            }
        }
    }

    private mutating func couldNotLook(_ error: NodeError) {
        hasLooked = false
        counters.isInSync = false
        troubles[.host] = Trouble(phase: .failed, message: "cannot look at the host: \(error)")
        retries.failed(.host, at: .now, jitter: .random(in: 0...1))
        logger.error("cannot look at the host", metadata: ["reason": "\(error)"])
    }

    /// What operations concern.
    private struct Touched {
        var links: Set<InterfaceName> = []
        var namespaces: Set<NamespaceName> = []
        var filter = false
        var daemons = false
        var exports = false
        /// Whether it shows without looking what became of it: not so of what came from another namespace.
        var isExpectable = true

        mutating func note(_ operation: Operation) {
            switch operation {
            case .link(.move, _), .export, .withdraw: isExpectable = false
            default: break
            }
            switch operation {
            case .link(let link, nil):
                links.insert(link.interface)
                // The other end of a veth is seen only from inside.
                if case .create(let new) = link, let peer = new.peer { namespaces.insert(peer.namespace) }
                if case .move(_, let target?, _) = link { namespaces.insert(target) }
            case .link(_, let namespace?), .createNamespace(let namespace), .deleteNamespace(let namespace),
                .setForwarding(_, let namespace), .firewall(_, let namespace), .ensureTranslator(_, let namespace),
                .removeTranslator(let namespace):
                namespaces.insert(namespace)
                // Moved, a device is another namespace's.
                if case .link(.move(_, let target, let name), _) = operation {
                    if let target { namespaces.insert(target) } else { links.insert(name) }
                }
            case .export(let route), .withdraw(let route):
                // What is exported is looked at with the host's own devices.
                links.insert(route.device ?? .loopback)
                exports = true
            case .filter: filter = true
            case .ensureDaemon, .stopDaemon: daemons = true
            }
        }
    }
}

extension Operation {
    var isFilter: Bool { if case .filter = self { true } else { false } }
}
