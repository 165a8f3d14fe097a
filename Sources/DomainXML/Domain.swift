package import Addressing
package import ComputeModel
package import Resources

/// A libvirt domain: a VM as a hypervisor is to run it. A value that can only be rendered whole (`xml`).
///
/// Memory is not locked, and nothing in it can say otherwise: a VM's memory is the host's to swap and to count.
package struct Domain: Hashable, Sendable {
    /// The VM's: the domain's uuid, in its name, and in our own element of its metadata.
    package var id: ResourceID
    /// For people who look with virsh: project and name.
    package var project: Name
    package var name: Name
    package var machine: Machine
    package var acceleration: Acceleration
    /// The first is the one it boots from; at most `maximumDisks`.
    package var disks: [DomainDisk]
    /// In the order in which the guest sees them.
    package var interfaces: [DomainInterface]
    /// Where the hypervisor keeps what the guest writes to its console; nil keeps nothing.
    package var consoleLog: HostPath?

    package enum Acceleration: Hashable, Sendable {
        /// Where a probe has proved that it works.
        case kvm
        /// Emulation.
        case tcg
    }

    /// vda to vdz.
    package static let maximumDisks = 26
    /// Root ports that are left free, so that NICs and disks can be added while the guest runs.
    package static let sparePorts = 4

    package init(
        id: ResourceID, project: Name, name: Name, machine: Machine, acceleration: Acceleration, disks: [DomainDisk],
        interfaces: [DomainInterface], consoleLog: HostPath? = nil
    ) {
        self.id = id
        self.project = project
        self.name = name
        self.machine = machine
        self.acceleration = acceleration
        self.disks = Array(disks.prefix(Self.maximumDisks))
        self.interfaces = interfaces
        self.consoleLog = consoleLog
    }

    /// `kc-<id>`: names of VMs are unique in a project only, and change.
    package var libvirtName: String { "kc-\(id)" }
}

/// A path on the host: absolute, without `.` and `..`, without control characters.
package struct HostPath: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    /// Linux' PATH_MAX, less its end.
    package static let maximumLength = 4095

    package init?(_ text: String) {
        guard text.utf8.count <= Self.maximumLength, text.utf8.first == UInt8(ascii: "/"), text.utf8.count > 1 else {
            return nil
        }
        guard
            text.unicodeScalars.allSatisfy({
                $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) && $0.value != 0xfffe && $0.value != 0xffff
            })
        else { return nil }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else { return nil }
        description = text
    }
}

/// A virtio disk. Its format is always said: a hypervisor that guesses formats can be told by a guest to open any file.
package struct DomainDisk: Hashable, Sendable {
    package enum Source: Hashable, Sendable {
        /// A qcow2 file over an image that is never written; the image's format is said too, and that it has none below.
        case overlay(HostPath, image: HostPath, format: Image.Format)
        /// A qcow2 file that stands on nothing.
        case qcow2(HostPath)
        case raw(HostPath)
        case rbd(RBDImage)
    }

    package var source: Source
    package var isReadOnly: Bool

    package init(_ source: Source, isReadOnly: Bool = false) {
        self.source = source
        self.isReadOnly = isReadOnly
    }
}

/// An image in Ceph, reached by QEMU itself. The key is a secret of libvirt, never in the domain.
package struct RBDImage: Hashable, Sendable {
    package let pool: String
    package let image: String
    /// Without "client.".
    package let user: String
    /// Of libvirt's secret; nil where the cluster asks for no key: then the user is not said either.
    package let secret: ResourceID?
    /// Monitors and their ports.
    package let monitors: [Monitor]
    /// Ceph's own file, in which QEMU finds what is not said here; never nil without monitors.
    package let configuration: HostPath?

    package struct Monitor: Hashable, Sendable {
        package var address: IPv6Address
        package var port: UInt16

        package init(_ address: IPv6Address, port: UInt16 = 3300) {
            self.address = address
            self.port = port
        }
    }

    /// nil unless pool, image and user are 1 to 128 letters, digits, '_', '-' and '.', of which '-' and '.' not first:
    /// librbd takes '/', '@', ':' and '\' apart. nil without monitors and configuration.
    package init?(
        pool: String, image: String, user: String, secret: ResourceID?, monitors: [Monitor] = [],
        configuration: HostPath? = nil
    ) {
        func isWord(_ text: String) -> Bool {
            func isAlphanumeric(_ byte: UInt8) -> Bool {
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || byte == UInt8(ascii: "_")
            }
            guard (1...128).contains(text.utf8.count), let first = text.utf8.first, isAlphanumeric(first) else {
                return false
            }
            return text.utf8.allSatisfy { isAlphanumeric($0) || "-.".utf8.contains($0) }
        }
        guard isWord(pool), isWord(image), isWord(user), !monitors.isEmpty || configuration != nil else {
            return nil
        }
        self.pool = pool
        self.image = image
        self.user = user
        self.secret = secret
        self.monitors = monitors
        self.configuration = configuration
    }
}

/// A NIC on a tap device that is there already: KC's port of an attachment, which libvirt neither makes nor removes.
package struct DomainInterface: Hashable, Sendable {
    package var device: InterfaceName
    package var mac: MACAddress
    /// Of the segment: the guest is told it (virtio's VIRTIO_NET_F_MTU).
    package var mtu: MTU

    package init(device: InterfaceName, mac: MACAddress, mtu: MTU) {
        self.device = device
        self.mac = mac
        self.mtu = mtu
    }
}
