package import DomainXML
package import Resources

/// Where a compute host keeps the disks of its VMs when it keeps them in Ceph: names in one pool, made of ids, numbers and
/// the host's own word. Several hosts share a pool, and none touches what bears another's word.
package struct RBDPlace: Hashable, Sendable {
    package let pool: String
    /// Ceph's own file, with the addresses of its monitors.
    package let configuration: HostPath
    /// Without "client.".
    package let user: String
    /// Of libvirt's secret with the user's key; nil where the cluster asks for none, or QEMU finds it by `configuration`.
    package let secret: ResourceID?
    /// Which host this is: it stays the same as long as disks shall be found again.
    package let host: String

    /// nil for what librbd or libvirt would take apart, for a host that is no name or id, and for a user other than admin
    /// without a secret: QEMU would come as admin.
    package init?(pool: String, configuration: HostPath, user: String, secret: ResourceID?, host: String) {
        guard Name(host) != nil || ResourceID(host) != nil, user == "admin" || secret != nil,
            RBDImage(pool: pool, image: "x", user: user, secret: secret, configuration: configuration) != nil
        else { return nil }
        self.pool = pool
        self.configuration = configuration
        self.user = user
        self.secret = secret
        self.host = host
    }

    /// Of all disks of this host.
    package var prefix: String { "disk.\(host)." }

    package func disk(_ vm: ResourceID, fence: UInt64) -> String { "\(prefix)\(vm).\(fence)" }

    /// What `disk` made; nil for other names.
    package func parse(_ name: String) -> (vm: ResourceID, fence: UInt64)? {
        guard name.hasPrefix(prefix) else { return nil }
        let parts = name.dropFirst(prefix.count).split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let vm = ResourceID(parts[0]), let fence = UInt64(parts[1]), String(fence) == parts[1]
        else { return nil }
        return (vm, fence)
    }

    package func image(_ vm: ResourceID, fence: UInt64) -> RBDImage {
        let name = disk(vm, fence: fence)
        guard
            let image = RBDImage(
                pool: pool, image: name, user: user, secret: secret, configuration: configuration)
        else { preconditionFailure("a checked pool and user, and a name of ids and numbers: \(name)") }
        return image
    }
}

/// Where the disks of a host's VMs are.
package enum DiskPlace: Hashable, Sendable {
    /// Files over images, at `HostPaths`.
    case files
    case rbd(RBDPlace)
}
