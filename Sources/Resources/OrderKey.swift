/// The place of a resource in lists.
package struct OrderKey: Hashable, Comparable, Sendable {
    package let created: Revision
    package let id: ResourceID

    package init(created: Revision, id: ResourceID) {
        self.created = created
        self.id = id
    }

    package static func < (left: OrderKey, right: OrderKey) -> Bool {
        left.created == right.created ? left.id < right.id : left.created < right.created
    }
}

extension OrderKey: LosslessStringConvertible {
    /// `<revision>.<id>`: a client gives back what it got and reads nothing into it.
    package var description: String { "\(created).\(id)" }

    package init?(_ description: String) {
        let parts = description.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let revision = UInt64(parts[0]), let id = ResourceID(parts[1]) else { return nil }
        self.init(created: Revision(revision), id: id)
    }
}
