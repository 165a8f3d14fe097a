package import DomainXML
package import Resources

/// Where a compute host keeps what its VMs stand on. Names are made of ids and numbers alone.
package struct HostPaths: Hashable, Sendable {
    /// Of whole images, which are never written.
    package let images: String
    /// Of the VMs' own disks and seeds.
    package let disks: String
    /// Of what is made of one format from the other.
    package let convert: String
    /// Of what VMs write to their consoles.
    package let consoles: String

    /// - Parameter root: the operator's folder, absolute; nil for what is no path of a domain's.
    package init?(root: String) {
        // The longest name below is shorter.
        guard let checked = HostPath(root), root.utf8.count < HostPath.maximumLength - 128 else { return nil }
        images = checked.description + "/images"
        disks = checked.description + "/disks"
        convert = checked.description + "/convert"
        consoles = checked.description + "/consoles"
    }

    package func image(_ id: ResourceID) -> HostPath { Self.path("\(images)/\(id).image") }
    package func disk(_ vm: ResourceID, fence: UInt64) -> HostPath { Self.path("\(disks)/\(vm).\(fence).qcow2") }
    package func seed(_ vm: ResourceID, digest: String) -> HostPath { Self.path("\(disks)/\(vm).\(digest).iso") }

    package func console(_ vm: ResourceID) -> HostPath { Self.path("\(consoles)/\(vm).log") }

    private static func path(_ text: String) -> HostPath {
        guard let path = HostPath(text) else { preconditionFailure("a checked root, ids and numbers: \(text)") }
        return path
    }
}
