package import ComputeModel
import Logging
package import Persistence
package import Resources
import Synchronization

/// Consoles go through the store (docs/decisions/0042): the user's stream ends at one server, the host's at another.
extension ComputeService {
    /// How long a session lives without a server that holds its user's stream.
    static let consoleLease = Duration.seconds(30)
    /// In one project, at the same time.
    static let maximumConsoles = 32

    /// Lets somebody come to the console of a VM, who may change it.
    /// - Parameter force: who is there has to go, here and at the host itself.
    /// - Throws: `conflict` when somebody is there, with who it is; for a VM without a console.
    package func openConsole(
        of text: String, in project: ProjectIdentity, force: Bool, by principal: Principal
    ) async throws(Problem) -> ConsoleSession {
        let item = try find(.vm, in: project, text, for: principal)
        try principal.requireMay(.update, .vm, in: project, item.resource.metadata.labels)
        guard item.unwrap(VirtualMachine.self)?.assigned.machine.devices.contains(.serialConsole) == true else {
            throw Problem(.conflict, "VM '\(item.name)' has no console: its machine type has no serialConsole")
        }
        let session = ResourceID.random()
        let key = ComputeLayout.console(item.id)
        for _ in 1...settings.attempts {
            let (present, count) = cache.state.withLock { state in
                (
                    state.consoles[item.id],
                    state.consoles.keys.count { state.items[$0]?.projectID == project.id }
                )
            }
            if let present, !force {
                throw Problem(
                    .conflict, "\(present.by) is at the console of VM '\(item.name)' since \(present.since)",
                    field: "force", rule: "must be true to take it over")
            }
            guard present != nil || count < Self.maximumConsoles else {
                throw Problem(.rateLimited, "project '\(project.name)' has \(count) open consoles; end one first")
            }
            do {
                let lease = try await store.grantLease(ttl: Self.consoleLease)
                let value = ConsoleSession.document(session, by: "\(principal)", since: settings.now(), force: force)
                let outcome = try await store.commit(
                    StoreTransaction(
                        conditions: [.exists(item.key), present.map { .modified(key, $0.revision) } ?? .absent(key)],
                        changes: [.put(key, value, lease: lease)], durability: .relaxed))
                guard case .committed(let revision) = outcome else {
                    try await store.revokeLease(lease)
                    try await catchUp()
                    continue
                }
                // What went over the former one goes with its lease; its key is ours now.
                if let former = present?.lease { try await store.revokeLease(former) }
                logger.notice(
                    "somebody is at a console",
                    metadata: [
                        "vm": "\(item.id)", "name": "\(item.name)", "project": "\(project.name)",
                        "by": "\(principal)", "session": "\(session)", "instead of": "\(present?.by ?? "nobody")",
                    ])
                do { try await cache.wait(for: revision) } catch { throw Problem(waiting: error) }
            } catch let error as StoreError { throw Problem(error) } catch let problem as Problem {
                throw problem
            } catch {
                throw Problem(.unavailable, "the request was given up")
            }
            if let made = console(session) { return made }
            throw Problem(.conflict, "somebody else has taken the console of VM '\(item.name)' over")
        }
        throw Problem(.unavailable, "others were faster \(settings.attempts) times; try again")
    }

    /// nil when it has ended, its VM too, or this server does not show it yet.
    package func console(_ session: ResourceID) -> ConsoleSession? {
        cache.state.withLock { state in
            state.consoles.values.first { $0.session == session && state.items[$0.vm] != nil }
        }
    }

    /// A session of a VM, also one that was begun at another server a moment ago.
    /// - Throws: `notFound`, with who has it instead.
    package func findConsole(_ text: String, of vm: ResourceID) async throws(Problem) -> ConsoleSession {
        if let id = ResourceID(text) {
            if let found = console(id), found.vm == vm { return found }
            try await catchUp()
            if let found = console(id), found.vm == vm { return found }
        }
        throw Problem(.notFound, consoleEnd(of: vm))
    }

    /// Why a session is no more.
    package func consoleEnd(of vm: ResourceID) -> String {
        let (exists, other) = cache.state.withLock { ($0.items[vm] != nil, $0.consoles[vm]) }
        guard exists else { return "the VM is gone, and its console with it" }
        guard let other else { return "the console was left" }
        return "\(other.by) has taken the console over"
    }

    /// Lets the session go on for a while: whoever holds its user's stream says so again and again.
    package func keepConsole(_ console: ConsoleSession) async throws(Problem) {
        do { if let lease = console.lease { try await store.renewLease(lease) } } catch {
            guard error.code == .leaseNotFound else { throw Problem(error) }
            throw Problem(.notFound, consoleEnd(of: console.vm))
        }
    }

    package func endConsole(_ console: ConsoleSession, why: String) async throws(Problem) {
        logger.notice(
            "a console is left",
            metadata: ["vm": "\(console.vm)", "by": "\(console.by)", "session": "\(console.session)", "why": "\(why)"])
        do { if let lease = console.lease { try await store.revokeLease(lease) } } catch {
            // Ended already, which is what is wanted.
            guard error.code == .leaseNotFound else { throw Problem(error) }
        }
    }
}

extension ComputeCache {
    /// The consoles of a compute host's VMs that somebody is at, by session.
    package func consoles(on computeHost: ResourceID) -> [ConsoleOrder] {
        state.withLock { state in
            guard !state.consoles.isEmpty else { return [] }
            return state.consoles.values.filter { state.places[$0.vm]?.value.host == computeHost }.map(\.order)
                .sorted { $0.session < $1.session }
        }
    }
}
