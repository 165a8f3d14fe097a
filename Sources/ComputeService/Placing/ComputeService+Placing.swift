import ComputeModel
import Logging
package import Persistence
import Placement
package import Resources
import Synchronization

/// The scheduler: VMs that got no place when they were created are tried again whenever that may help.
extension ComputeService {
    private static let scheduler = Principal.administrator(via: "scheduler")

    /// Ends by cancellation, or when the cache's streams end. As many servers as there are may run it over one store.
    package func keepPlacing() async {
        var tried: UInt64?
        for await _ in cache.signals() {
            let chances = cache.state.withLock(\.chances)
            guard tried != chances else { continue }
            do throws(Problem) {
                try await placeWaiting()
                tried = chances
            } catch { logger.warning("VMs wait for a place", metadata: ["reason": "\(error)"]) }
        }
    }

    /// Tries all VMs that have no place, the oldest first, and says of the others why they have none.
    /// - Returns: how many got a place.
    @discardableResult
    package func placeWaiting() async throws(Problem) -> Int {
        var placed = 0
        for vm in cache.state.withLock({ $0.unplaced.map(\.id) }) {
            _ = try await write(vm, in: nil, by: Self.scheduler) { plan, state throws(Problem) in
                guard let item = state.item(.vm, vm), state.places[vm] == nil, let request = state.request(of: item)
                else { return }
                plan.seat(request, item: item, &state)
            }
            if cache.state.withLock({ $0.places[vm] != nil }) { placed += 1 }
        }
        return placed
    }

    /// Why a VM is, or is not, placed where it is. One that has a place is explained as if it had none.
    package func explain(
        _ vm: String, in project: ProjectIdentity, for principal: Principal
    ) throws(Problem) -> PlacementReasons {
        let item = try find(.vm, in: project, vm, for: principal)
        return try cache.state.withLock { state throws(Problem) in
            guard let request = state.request(of: item) else { throw Problem.gone(item.kind.name, item.id) }
            let explanation = state.placer.explain(request)
            var reasons = PlacementReasons(
                summary: explanation.summary, place: state.places[item.id]?.value, hosts: nil)
            guard principal.view() == .full else { return reasons }
            let silent = state.all(.computeHost, project: nil).filter { state.hostReport($0.id) == nil }
            reasons.hosts =
                (explanation.hosts.map { host, rejections in
                    (state.items[host]?.name.text ?? host.description, rejections.map(\.description))
                } + silent.map { ($0.name.text, ["has not said what it has"]) })
                .map(PlacementReasons.Host.init).sorted { $0.name < $1.name }
            return reasons
        }
    }
}

/// Why a VM is, or is not, placed where it is, for people.
package struct PlacementReasons: Hashable, Sendable, JSONWritable {
    /// One compute host, and all that speaks against it; nothing does for one that will do.
    package struct Host: Hashable, Sendable, JSONWritable {
        package var name: String
        package var reasons: [String]

        init(_ name: String, _ reasons: [String]) {
            self.name = name
            self.reasons = reasons
        }

        package func write(to writer: inout JSONWriter) {
            writer.object { writer in
                writer.member("host", name)
                writer.member("reasons", reasons)
            }
        }
    }

    /// One sentence.
    package var summary: String
    package var place: VirtualMachinePlace?
    /// By name; nil for who may not know of hosts.
    package var hosts: [Host]?

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("summary", summary)
            if let hosts {
                writer.member("place", place)
                writer.member("hosts", hosts)
            }
        }
    }
}
