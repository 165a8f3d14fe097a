package import Resources

/// Which part of a host is to be planned: what changed.
///
/// The planner widens it by what cannot be planned without (an attachment's segment, a gateway's ports, the owner of a
/// device that is in the way), never by everything. An id that is not desired any more stands for what is left of it.
package struct PlanScope: Hashable, Sendable {
    /// The packet filter's structure, the VTEPs, and what is left of nobody.
    package var host: Bool
    package var segments: Set<ResourceID>
    package var attachments: Set<ResourceID>
    package var gateways: Set<ResourceID>
    /// Segments whose devices and binding tables are meant, without all of their attachments.
    package var tables: Set<ResourceID>
    /// Everything: the other members do not matter.
    package var isWhole: Bool

    package init(
        host: Bool = false, segments: Set<ResourceID> = [], attachments: Set<ResourceID> = [],
        gateways: Set<ResourceID> = [], tables: Set<ResourceID> = []
    ) {
        self.tables = tables
        self.host = host
        self.segments = segments
        self.attachments = attachments
        self.gateways = gateways
        isWhole = false
    }

    package static let whole = {
        var scope = PlanScope(host: true)
        scope.isWhole = true
        return scope
    }()

    package var isEmpty: Bool {
        !isWhole && !host && segments.isEmpty && attachments.isEmpty && gateways.isEmpty && tables.isEmpty
    }

    package mutating func formUnion(_ other: PlanScope) {
        host = host || other.host
        isWhole = isWhole || other.isWhole
        segments.formUnion(other.segments)
        attachments.formUnion(other.attachments)
        gateways.formUnion(other.gateways)
        tables.formUnion(other.tables)
    }
}
