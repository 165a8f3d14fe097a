import Addressing
import NFTables
package import NetworkPlanning
package import NodePorts

extension HostModel {
    /// Does all operations or, when one cannot be done, none.
    package mutating func apply(_ operations: [FilterOperation]) throws(NodeError) {
        var filter = self.filter
        for operation in operations {
            switch operation {
            case .install(let ruleset, let ready, let vteps):
                filter = ObservedFilter(digest: ruleset.digest, ready: ready, vteps: vteps)
            case .uninstall: filter = ObservedFilter()
            case .removeReady(let name): filter.ready.remove(name)
            case .removeVTEP(let address): filter.vteps.remove(address)
            case .addReady(let name):
                guard filter.isPresent else { throw Self.noTable(operation) }
                filter.ready.insert(name)
            case .addVTEP(let address):
                guard filter.isPresent else { throw Self.noTable(operation) }
                filter.vteps.insert(address)
            }
        }
        self.filter = filter
    }

    private static func noTable(_ operation: FilterOperation) -> NodeError {
        NodeError(.errno(Errno.noEntry), operation: operation.description, subject: "bridge kc")
    }
}
