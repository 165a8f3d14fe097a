package import Addressing
package import NetworkPlanning

/// Where to look again, and nothing about what was seen there: hints merge without loss in any order.
package struct Attention: Hashable, Sendable {
    /// Look at the whole host and forget what was seen before.
    package var everything = false
    package var subjects: Set<Subject> = []
    /// Devices by name, also such as no resource wants.
    package var links: Set<InterfaceName> = []
    /// Our two nftables tables.
    package var filter = false
    package var daemons = false

    package init() {}

    package static var all: Attention {
        var attention = Attention()
        attention.everything = true
        return attention
    }

    package var isEmpty: Bool { !everything && subjects.isEmpty && links.isEmpty && !filter && !daemons }

    package mutating func merge(_ other: Attention) {
        everything = everything || other.everything
        subjects.formUnion(other.subjects)
        links.formUnion(other.links)
        filter = filter || other.filter
        daemons = daemons || other.daemons
    }
}
