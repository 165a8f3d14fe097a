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
            case .install(let ruleset, let content):
                filter = ObservedFilter(digest: ruleset.digest, content: content)
            case .uninstall: filter = ObservedFilter()
            case .close(_, let elements): filter.content.remove(elements)
            case .change(_, let removed, let added):
                filter.content.remove(removed)
                if added.isEmpty { continue }
                guard filter.isPresent else { throw Self.noTable(operation) }
                filter.content.add(added)
            }
        }
        self.filter = filter
    }

    private static func noTable(_ operation: FilterOperation) -> NodeError {
        NodeError(.errno(Errno.noEntry), operation: operation.description, subject: "bridge kc")
    }
}
