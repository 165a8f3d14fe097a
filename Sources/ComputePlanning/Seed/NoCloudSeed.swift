package import Addressing
package import ComputeModel
import DomainXML
import Resources

/// The files of a NoCloud seed, which cloud-init finds on a disk with the label `cidata`, for a guest that no metadata
/// service reaches, or by HTTP. All but the user data is JSON, which is YAML too, so that no value can become something else.
package struct NoCloudSeed: Hashable, Sendable {
    package let metaData: [UInt8]
    package let networkConfig: [UInt8]
    package let userData: [UInt8]

    package init(_ order: MachineOrder) { self.init(order.guest, macs: order.interfaces.map(\.mac)) }

    /// - Parameter macs: of the guest's NICs, in their order.
    package init(_ guest: GuestOrder, macs: [MACAddress]) {
        var meta = JSONWriter()
        meta.object { meta in
            meta.member("instance-id", guest.instance)
            meta.member("local-hostname", guest.hostname)
            meta.member("public-keys", guest.sshKeys)
        }
        metaData = meta.bytes + [0x0a]
        var network = JSONWriter()
        network.object { network in
            // Version 2 (netplan's). Known by its MAC a NIC may have any name; addresses come by router advertisements.
            network.member("version", 2)
            network.name("ethernets")
            network.object { network in
                for (index, mac) in macs.enumerated() {
                    network.name("nic\(index)")
                    network.object { network in
                        network.name("match")
                        network.object { $0.member("macaddress", mac.description) }
                        network.member("dhcp4", false)
                        network.member("accept-ra", true)
                    }
                }
            }
        }
        networkConfig = network.bytes + [0x0a]
        userData = guest.userData.isEmpty ? Array("#cloud-config\n{}\n".utf8) : Array(guest.userData.utf8)
    }

    /// By their names on the disk.
    package var files: [(name: String, bytes: [UInt8])] {
        [("meta-data", metaData), ("network-config", networkConfig), ("user-data", userData)]
    }

    /// 16 hex digits that differ for seeds that differ, in all likelihood: it names the file, and guards nothing.
    package var digest: String {
        var hash = StableHash()
        for file in files {
            hash.add(file.bytes)
            hash.add([0xff])
        }
        return hash.hex
    }
}
