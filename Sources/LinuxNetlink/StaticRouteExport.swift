import Addressing
package import NetworkPlanning
package import NodePorts

/// Layer 5: exports routes as routes of the host's own main table, marked as KC's by their protocol number. Whoever
/// routes for the host (an operator's static routes, a routing daemon that redistributes that protocol) does the rest.
///
/// Each comes with an unreachable one behind it: while the gateway's device is away, packets to the segment do not follow
/// the host's default route back to where they came from.
package struct StaticRouteExport: RouteExport {
    private let threads: NamespaceThreads

    package init(threads: NamespaceThreads) { self.threads = threads }

    package func exported() async throws(NodeError) -> Set<Route> {
        let routes = try await threads.thread(for: nil).run { context throws(NodeError) in
            try LinkWork(context: context).routes()
        }
        let leading = routes.filter { $0.target != .unreachable }
        let destinations = Set(leading.map(\.destination))
        return leading.union(routes.filter { !destinations.contains($0.destination) })
    }

    package func export(_ route: Route) async throws(NodeError) {
        try await threads.thread(for: nil).run { context throws(NodeError) in
            let work = LinkWork(context: context)
            try work.add(Route(route.destination, .unreachable))
            if route.target != .unreachable { try work.add(route) }
        }
    }

    package func withdraw(_ route: Route) async throws(NodeError) {
        try await threads.thread(for: nil).run { context throws(NodeError) in
            let work = LinkWork(context: context)
            if route.target != .unreachable { try work.remove(route) }
            try work.remove(Route(route.destination, .unreachable))
        }
    }
}
