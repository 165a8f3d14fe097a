import Addressing
import ComputeModel
import Resources

/// OpenStack's metadata service: `meta_data.json`, `network_data.json`, `user_data`, `vendor_data.json`.
extension MetadataTree {
    func openStack(_ parts: ArraySlice<String>) -> MetadataPage? {
        guard let version = parts.first else { return .list(Self.versionsOfOpenStack) }
        guard Self.versionsOfOpenStack.contains(version), parts.count <= 2 else { return nil }
        switch parts.dropFirst().first {
        case nil:
            return .list(
                ["meta_data.json", "network_data.json"] + (userData == nil ? [] : ["user_data"]) + [
                    "vendor_data.json", "vendor_data2.json",
                ])
        case "meta_data.json": return MetadataPage(.json, metaData)
        case "network_data.json": return MetadataPage(.json, networkData)
        case "user_data": return userData
        case "vendor_data.json", "vendor_data2.json": return MetadataPage(.json, Array("{}".utf8))
        default: return nil
        }
    }

    private var metaData: [UInt8] {
        let guest = facts.guest
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("uuid", guest.instance)
            writer.member("name", guest.hostname)
            writer.member("hostname", guest.hostname)
            writer.member("project_id", facts.project)
            writer.member("launch_index", 0)
            writer.member("meta", [String: String]())
            writer.name("public_keys")
            writer.object { writer in
                for key in keys { writer.member(key.name, key.text) }
            }
            writer.name("keys")
            writer.array { writer in
                for key in keys {
                    writer.object { writer in
                        writer.member("name", key.name)
                        writer.member("type", "ssh")
                        writer.member("data", key.text)
                    }
                }
            }
        }
        return writer.bytes
    }

    /// Each NIC with addresses from router advertisements.
    private var networkData: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("links")
            writer.array { writer in
                for (index, interface) in facts.interfaces.enumerated() {
                    writer.object { writer in
                        writer.member("id", "nic\(index)")
                        writer.member("type", "phy")
                        writer.member("ethernet_mac_address", interface.mac.description)
                        writer.member("mtu", interface.mtu.bytes)
                    }
                }
            }
            writer.name("networks")
            writer.array { writer in
                for index in facts.interfaces.indices {
                    writer.object { writer in
                        writer.member("id", "network\(index)")
                        writer.member("link", "nic\(index)")
                        writer.member("type", "ipv6_slaac")
                    }
                }
            }
            writer.name("services")
            writer.array { _ in }
        }
        return writer.bytes
    }
}
