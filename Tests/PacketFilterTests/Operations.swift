import Addressing
import NFTables
import NetworkPlanning

extension FilterOperation {
    static func open(_ port: InterfaceName) -> FilterOperation { .change(.port(port), remove: [], add: [.ready(port)]) }
    static func shut(_ port: InterfaceName) -> FilterOperation { .close(port, [.ready(port)]) }
    static func add(_ vtep: IPv6Address) -> FilterOperation { .change(.tunnels, remove: [], add: [element(vtep)]) }
    static func remove(_ vtep: IPv6Address) -> FilterOperation { .change(.tunnels, remove: [element(vtep)], add: []) }

    static func element(_ vtep: IPv6Address) -> GuardElement {
        GuardElement(.vteps, GuardSet.vteps.set.element(.address(vtep)))
    }
}

/// These ports with nothing but that they are there, and these tunnel endpoints.
func content(_ ports: Set<InterfaceName>, _ vteps: Set<IPv6Address> = []) -> FilterContent {
    FilterContent(ports.map(GuardElement.ready) + vteps.map(FilterOperation.element))
}
