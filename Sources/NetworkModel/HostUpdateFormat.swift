/// How much of an update its reader understands. A reader refuses what it does not know, since that may be a guard that
/// it would leave out; so an agent says with its request what it reads, and the server writes no more than that. An
/// agent that says nothing is of the first format; members that an older server leaves out have defaults.
package enum HostUpdateFormat: UInt32, Comparable, Sendable, CaseIterable {
    case first = 1
    /// With policies, members, bindings, limits and who routes a segment.
    case isolation = 2
    /// With addressing modes and reservations, ways out, translation and names.
    case services = 3
    /// With hosts that are paused, and probes of translation and paths.
    case diagnosis = 4
    /// With addresses of hosts' services, and services for guests.
    case guests = 5
    /// With probes of ways that lead through a gateway.
    case ways = 6
    /// With IPv4 inside segments, and IPv4 prefixes in policies.
    case ipv4 = 7
    /// With probes that capture frames.
    case captures = 8
    /// With probes of ways that look at segments of TCP, routers, names and clocks.
    case layers = 9
    /// With probes of ways that look closer: at ports of bridges, next hops, and where marked frames stay.
    case closerLook = 10
    /// With addresses of a segment that attachments may use without holding them.
    case sharedAddresses = 11

    package static let newest = HostUpdateFormat.sharedAddresses

    /// The request header that carries it: one that an older server passes over.
    package static let header = "KC-Desired-Format"

    /// The newest format that both sides know; nil for what is no format.
    package init?(header: String?) {
        guard let header else {
            self = .first
            return
        }
        guard let number = UInt32(header), number >= 1 else { return nil }
        self = HostUpdateFormat(rawValue: number) ?? .newest
    }

    package static func < (left: HostUpdateFormat, right: HostUpdateFormat) -> Bool { left.rawValue < right.rawValue }
}
