package import Addressing

/// What is read from the XML that libvirt gives of a domain: whose it is, from what it was defined, which NICs it has.
package struct DomainDescription: Hashable, Sendable {
    package let identity: DomainIdentity
    /// `Domain.digest` of what it was defined from; empty for a foreign one.
    package let definition: String
    /// Its NICs on tap devices, in their order.
    package let interfaces: [DomainPort]

    /// - Throws: as `DomainIdentity` does.
    package init(reading xml: [UInt8]) throws(DomainReadingError) {
        identity = try DomainIdentity(reading: xml)
        var scanner = try XMLScanner(xml)
        var path: [QualifiedName] = []
        var definition = ""
        var interfaces: [DomainPort] = []
        var device: InterfaceName?
        var mac: MACAddress?
        while let event = try scanner.next() {
            switch event {
            case .text: break
            case .end:
                if path == Self.interfacePath, let device, let mac { interfaces.append(DomainPort(device, mac)) }
                path.removeLast()
            case .start(let name, let attributes):
                path.append(name)
                if path == Self.markPath { definition = attributes["definition"] ?? "" }
                if path == Self.interfacePath { (device, mac) = (nil, nil) }
                guard path.count == 4, path.starts(with: Self.interfacePath), name.namespace.isEmpty else { continue }
                if name.name == "mac" { mac = attributes["address"].flatMap { MACAddress($0) } }
                // A name that is none of the kernel's is none of a NIC of ours.
                if name.name == "target" { device = attributes["dev"].flatMap { try? InterfaceName($0) } }
            }
        }
        self.definition = identity == .foreign ? "" : definition
        self.interfaces = interfaces
    }

    private static let markPath = [
        QualifiedName("", "domain"), QualifiedName("", "metadata"), QualifiedName(Domain.namespace, "vm"),
    ]
    private static let interfacePath = [
        QualifiedName("", "domain"), QualifiedName("", "devices"), QualifiedName("", "interface"),
    ]
}

/// A NIC as it is known again: by its tap device and its MAC.
package struct DomainPort: Hashable, Sendable {
    package let device: InterfaceName
    package let mac: MACAddress

    package init(_ device: InterfaceName, _ mac: MACAddress) {
        self.device = device
        self.mac = mac
    }

    /// The document for `virDomainDetachDeviceFlags`, which finds a NIC by its MAC.
    package var xml: String {
        XMLElement(
            "interface", [("type", "ethernet")],
            [
                XMLElement("mac", [("address", mac.description)]),
                XMLElement("target", [("dev", device.text), ("managed", "no")]),
            ]
        ).rendered()
    }
}
