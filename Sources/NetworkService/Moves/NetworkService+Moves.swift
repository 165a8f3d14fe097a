import Logging
import NetworkModel
import NetworkPlanning
package import Persistence
package import Resources
import Synchronization

/// Moves of gateways' roles. No server has a move of its own: whichever hears of something looks whether a step is due,
/// and the store lets one of them take it.
extension NetworkService {
    /// Begins to move the role; it goes on by itself.
    /// - Returns: the move as a client reads it, and the revision that shows it.
    package func moveGateway(
        project: String, _ text: String, to target: MoveTarget, by principal: Principal
    ) async throws(Problem) -> (json: [UInt8], revision: Revision) {
        let item = try await find(.gateway, project: project, text)
        return try await change(item, by: principal) { plan, state throws(Problem) in
            try Gateway.planMove(of: item.id, to: target, &plan, &state)
        }
    }

    /// Undoes a move that has not flipped.
    package func cancelMove(project: String, _ text: String, by principal: Principal) async throws(Problem) -> (
        json: [UInt8], revision: Revision
    ) {
        let item = try await find(.gateway, project: project, text)
        return try await change(item, by: principal) { plan, state throws(Problem) in
            try Gateway.planCancel(of: item.id, &plan, state)
        }
    }

    /// Where a gateway's role is and what it waits for.
    package func move(project: String, _ text: String) async throws(Problem) -> [UInt8] {
        rendered(try await find(.gateway, project: project, text))
    }

    private func change(
        _ item: Item, by principal: Principal,
        _ build: @Sendable (inout WritePlan, inout CacheState) throws(Problem) -> Void
    ) async throws(Problem) -> (json: [UInt8], revision: Revision) {
        let subject = WritePlan.Subject(id: item.id, projectID: item.projectID, name: item.name)
        let (revision, _) = try await write(subject, by: principal, alongside: Alongside(), build)
        await advanceMoves()
        return (rendered(cache.item(.gateway, item.id) ?? item), revision)
    }

    var hasMoves: Bool { cache.state.withLock { !$0.relations.movingGateways.isEmpty } }

    /// Takes every step that is due. A step that cannot be taken now is due again at the next report or renewal.
    func advanceMoves() async {
        let due: [Item] = cache.state.withLock { state in
            state.relations.movingGateways.compactMap { state.items[$0] }.filter { item in
                guard let gateway = Gateway.unwrap(item.resource) else { return false }
                return gateway.move?.transition(state.facts(of: gateway)) != nil
            }
        }
        for item in due {
            let subject = WritePlan.Subject(id: item.id, projectID: item.projectID, name: item.name)
            do throws(Problem) {
                let (revision, _) = try await write(
                    subject, by: .administrator(via: "gateway move"), alongside: Alongside()
                ) { plan, state throws(Problem) in try Gateway.planAdvance(of: item.id, &plan, state) }
                logger.info(
                    "a gateway's move has gone on",
                    metadata: ["gateway": "\(item.name)", "revision": "\(revision)"])
            } catch {
                logger.warning(
                    "a gateway's move does not go on",
                    metadata: ["gateway": "\(item.name)", "reason": "\(error)"])
            }
        }
    }

    private func rendered(_ item: Item) -> [UInt8] {
        cache.state.withLock { state in
            var writer = JSONWriter()
            guard let gateway = Gateway.unwrap(item.resource), let move = gateway.move else { return [] }
            let obstacles = move.obstacles(state.facts(of: gateway))
            func write(_ holder: RoleHolder, _ writer: inout JSONWriter) {
                writer.object { writer in
                    switch holder {
                    case .host(let id): writer.member("host", state.items[id]?.name.text ?? id.description)
                    case .attachment(let id): writer.member("attachment", state.items[id]?.name.text ?? id.description)
                    }
                }
            }
            writer.object { writer in
                writer.member("gateway", item.name)
                writer.member("phase", move.phase.rawValue)
                writer.member("term", move.term)
                writer.name("holder")
                write(move.active, &writer)
                if let next = move.next {
                    writer.name("next")
                    write(next, &writer)
                }
                writer.member("waitsFor", obstacles.map(state.text(of:)))
            }
            return writer.bytes
        }
    }
}
