/// Whether the kernel's table of IPv6 neighbours, one for all namespaces, has room for those of the cloud.
enum NeighbourCapacity {
    /// A router knows the link-local and one global address of each attachment; as many again are known to guests in
    /// namespaces of this host.
    static let entriesPerAttachment = 4
    /// What the host itself and its underlay need.
    static let others = 256

    /// - Parameters:
    ///   - limit: net.ipv6.neigh.default.gc_thresh3; nil when it cannot be read.
    ///   - attachments: of all hosts.
    static func finding(limit: Int?, attachments: Int) -> Finding {
        let check = "gc_thresh3"
        guard let limit else {
            // Only the first network namespace of a machine shows it.
            return Finding(
                .warn, check, "net.ipv6.neigh.default.gc_thresh3 cannot be read",
                next: "run this in the machine's own network namespace")
        }
        let need = attachments * entriesPerAttachment + others
        let room = "\(limit) IPv6 neighbours fit, \(attachments) attachments may need \(need)"
        guard limit < need else { return Finding(.ok, check, room) }
        return Finding(
            .warn, check, room, why: "packets to neighbours that find no room in the kernel's table are dropped",
            next: "sysctl -w net.ipv6.neigh.default.gc_thresh3=\(need), and write it to /etc/sysctl.d/")
    }
}
