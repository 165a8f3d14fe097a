import Addressing
import ComputeModel
import ComputePlanning
import Resources
import Testing

/// What guests find at which path, in the forms that stock cloud-init reads.
struct MetadataTreeTests {
    private static let key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDxr3QLxn8tAQ0WGSlcXy8TnuBxfcgNMEvH4WHbz9rmE me@example"

    private func facts(keys: Int = 2, userData: String = "#!/bin/sh\n", interfaces: Int = 2) throws -> GuestFacts {
        let key = try SSHPublicKey(parsing: Self.key)
        return GuestFacts(
            project: Making.id(7),
            guest: GuestOrder(
                instance: Making.id(1), hostname: Name("web")!, sshKeys: Array(repeating: key, count: keys),
                userData: userData),
            interfaces: try (0..<interfaces).map {
                .init(
                    attachment: Making.id(100 + UInt64($0)), mac: MACAddress(0x5254_0000_0000 + UInt64($0)),
                    mtu: try MTU(1430))
            }, isLasting: true)
    }

    private func text(_ path: String, _ facts: GuestFacts) -> String? {
        MetadataTree(facts).page(at: path).map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    @Test func `facts come back from their JSON as they were, and hostile ones do not`() throws {
        let facts = try facts()
        #expect(try GuestFacts(json: JSONParser.parse(facts.json), path: "") == facts)
        var many = try self.facts(interfaces: 2)
        many.interfaces = Array(repeating: many.interfaces[0], count: 65)
        let bytes = many.json
        #expect(throws: FieldError.self) { try GuestFacts(json: JSONParser.parse(bytes), path: "") }
    }

    @Test func `the seed by HTTP is the seed of the disk, with vendor data that says nothing`() throws {
        let facts = try facts()
        let seed = NoCloudSeed(facts.guest, macs: facts.interfaces.map(\.mac))
        for file in seed.files {
            #expect(MetadataTree(facts).page(at: "/nocloud/\(file.name)")?.bytes == file.bytes, "\(file.name)")
        }
        #expect(text("/nocloud/vendor-data", facts) == "")
        #expect(text("/nocloud/", facts) == "meta-data\nnetwork-config\nuser-data\nvendor-data")
        #expect(text("/nocloud/user-data", facts) == "#!/bin/sh\n")
        #expect(text("/nocloud/user-data", try self.facts(userData: "")) == "#cloud-config\n{}\n")
    }

    @Test func `OpenStack's documents are JSON with its names`() throws {
        let facts = try facts()
        #expect(text("/openstack", facts)?.split(separator: "\n").last == "latest")
        for version in text("/openstack/", facts)?.split(separator: "\n") ?? [] {
            let names = text("/openstack/\(version)/", facts)?.split(separator: "\n") ?? []
            #expect(names.count == 5)
            for name in names { #expect(text("/openstack/\(version)/\(name)", facts) != nil, "\(version) \(name)") }
        }
        let meta = try JSONParser.parse(
            try #require(MetadataTree(facts).page(at: "/openstack/latest/meta_data.json")).bytes)
        #expect(meta["uuid"]?.string == Making.id(1).description && meta["hostname"]?.string == "web")
        #expect(meta["public_keys"]?["key-1"]?.string == Self.key)
        let network = try JSONParser.parse(
            try #require(MetadataTree(facts).page(at: "/openstack/latest/network_data.json")).bytes)
        guard case .array(let links)? = network["links"]?.content,
            case .array(let networks)? = network["networks"]?.content
        else { return #expect(Bool(false), "no lists") }
        #expect(links.map { $0["ethernet_mac_address"]?.string } == facts.interfaces.map(\.mac.description))
        #expect(networks.map { $0["link"]?.string } == links.map { $0["id"]?.string })
        #expect(networks.allSatisfy { $0["type"]?.string == "ipv6_slaac" })
        let bare = try self.facts(keys: 0, userData: "")
        #expect(text("/openstack/latest/user_data", bare) == nil)
        #expect(text("/openstack/latest", bare)?.contains("user_data") == false)
    }

    @Test func `EC2's tree is walked by its lists, and ends`() throws {
        let facts = try facts()
        var found: [String: String] = [:]
        // As cloud-init does it: what ends with a slash has something below; "0=name" is the key of that number.
        func walk(_ path: String) {
            for line in (text(path, facts) ?? "").split(separator: "\n") {
                if line.hasSuffix("/") {
                    walk(path + line)
                } else if let equals = line.firstIndex(of: "=") {
                    let leaf = path + line[..<equals] + "/openssh-key"
                    found[leaf] = text(leaf, facts)
                } else {
                    found[path + line] = text(path + line, facts)
                }
            }
        }
        for version in ["latest", "2009-04-04"] {
            found = [:]
            walk("/\(version)/meta-data/")
            let base = "/\(version)/meta-data/"
            #expect(
                found == [
                    base + "hostname": "web", base + "local-hostname": "web",
                    base + "instance-id": Making.id(1).description, base + "mac": "52:54:00:00:00:00",
                    base + "public-keys/0/openssh-key": Self.key, base + "public-keys/1/openssh-key": Self.key,
                ])
            #expect(text("/\(version)/user-data", facts) == "#!/bin/sh\n")
        }
        let bare = try self.facts(keys: 0, userData: "")
        #expect(text("/latest/", bare) == "meta-data")
        #expect(text("/latest/meta-data/", bare)?.contains("public-keys") == false)
        #expect(text("/latest/user-data", bare) == nil)
    }

    @Test(arguments: [
        "", "latest", "/nothing", "/latest/meta-data/nothing", "/latest/meta-data/hostname/more", "/nocloud/../latest",
        "/nocloud/meta-data/x", "/openstack/2020-01-01", "/openstack/latest/meta_data.json/x", "/%6eocloud/meta-data",
        "/latest/meta-data/public-keys/2/openssh-key", "/latest/meta-data/public-keys/-1/openssh-key",
        "/latest/meta-data/public-keys/00/openssh-key", "/latest/meta-data/public-keys/0/other", "/latest/user-data/x",
        "/" + String(repeating: "a", count: 300), "/latest\0/meta-data",
    ])
    func `where nothing is, nothing is told`(path: String) throws {
        #expect(MetadataTree(try facts()).page(at: path) == nil)
    }
}
