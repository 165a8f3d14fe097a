import Addressing
import ComputeModel
import Resources

extension Domain {
    /// Of our element in a domain's metadata.
    package static let namespace = "urn:kc:domain:1"

    /// The document for `virDomainDefineXML`. Equal domains have equal texts.
    package var xml: String { document(definition: digest).rendered() }

    /// 16 hex digits that stand in the document, so that a domain tells from what it was defined: libvirt gives a document
    /// back with much of its own in it.
    package var digest: String {
        var hash = StableHash()
        hash.add(document(definition: "").rendered().utf8)
        return hash.hex
    }

    private func document(definition: String) -> XMLElement {
        XMLElement(
            "domain", [("type", acceleration == .kvm ? "kvm" : "qemu")],
            [
                XMLElement("name", text: libvirtName), XMLElement("uuid", text: id.description),
                XMLElement("title", text: "\(project)/\(name)"),
                XMLElement(
                    "metadata", [],
                    [
                        XMLElement(
                            "kc:vm",
                            [("xmlns:kc", Self.namespace), ("id", id.description), ("definition", definition)])
                    ]),
                XMLElement("memory", [("unit", "MiB")], text: String(machine.memoryMiB)),
                XMLElement("vcpu", [("placement", "static")], text: String(machine.cpus)),
                system, features, processor, XMLElement("clock", [("offset", "utc")]),
                // A crash is shown as one: whoever reconciles decides what follows.
                XMLElement("on_poweroff", text: "destroy"), XMLElement("on_reboot", text: "restart"),
                XMLElement("on_crash", text: "destroy"), devices,
            ])
    }

    private var system: XMLElement {
        let type = XMLElement(
            "type",
            [("arch", machine.architecture.libvirt), ("machine", machine.architecture == .amd64 ? "q35" : "virt")],
            text: "hvm")
        let boot = XMLElement("boot", [("dev", "hd")])
        guard machine.firmware == .uefi || machine.architecture == .arm64 else {
            // SeaBIOS speaks on the serial console, so that a person sees why nothing boots.
            let serial = machine.devices.contains(.serialConsole) ? [XMLElement("bios", [("useserial", "yes")])] : []
            return XMLElement("os", [], [type, boot] + serial)
        }
        // Else libvirt takes what the machine's packages name first; on Debian that starts signed systems alone.
        let features = ["enrolled-keys", "secure-boot"].map {
            XMLElement("feature", [("enabled", "no"), ("name", $0)])
        }
        return XMLElement(
            "os", [("firmware", "efi")], [type, XMLElement("firmware", [], features), boot])
    }

    private var features: XMLElement {
        XMLElement(
            "features", [],
            machine.architecture == .amd64 ? [XMLElement("acpi"), XMLElement("apic")] : [XMLElement("acpi")])
    }

    private var processor: XMLElement {
        guard machine.cpuModel == "host" else {
            return XMLElement(
                "cpu", [("mode", "custom"), ("match", "exact"), ("check", "none")],
                [XMLElement("model", [("fallback", "forbid")], text: machine.cpuModel)])
        }
        // Emulation has no host's CPU to pass through; it has all that it can emulate.
        return XMLElement("cpu", [("mode", acceleration == .kvm ? "host-passthrough" : "maximum"), ("check", "none")])
    }

    private var devices: XMLElement {
        var all = disks.enumerated().map { $1.element(letter: $0) }
        // No USB; the root bus, and ports on it for what comes later.
        all.append(XMLElement("controller", [("type", "usb"), ("model", "none")]))
        all.append(XMLElement("controller", [("type", "pci"), ("model", "pcie-root")]))
        // One for each device below (disks, NICs, the balloon, randomness, the bus of channels), and the spare ones.
        for _ in 0..<(Self.sparePorts + disks.count + interfaces.count + 3) {
            all.append(XMLElement("controller", [("type", "pci"), ("model", "pcie-root-port")]))
        }
        all += interfaces.map(\.element)
        if machine.devices.contains(.serialConsole) {
            // Added to, whatever starts anew: the guest, the hypervisor, the machine.
            let log = consoleLog.map { XMLElement("log", [("file", $0.description), ("append", "on")]) }
            all.append(
                XMLElement(
                    "serial", [("type", "pty")], [log].compactMap(\.self) + [XMLElement("target", [("port", "0")])]))
            all.append(
                XMLElement("console", [("type", "pty")], [XMLElement("target", [("type", "serial"), ("port", "0")])]))
        }
        if machine.devices.contains(.guestAgent) {
            let target = XMLElement("target", [("type", "virtio"), ("name", "org.qemu.guest_agent.0")])
            all.append(XMLElement("channel", [("type", "unix")], [target]))
        }
        all.append(XMLElement("memballoon", [("model", "virtio")]))
        if machine.devices.contains(.randomness) {
            let backend = XMLElement("backend", [("model", "random")], text: "/dev/urandom")
            all.append(XMLElement("rng", [("model", "virtio")], [backend]))
        }
        return XMLElement("devices", [], all)
    }
}

extension Architecture {
    /// As libvirt and QEMU call it.
    fileprivate var libvirt: String {
        switch self {
        case .amd64: "x86_64"
        case .arm64: "aarch64"
        }
    }
}

extension DomainDisk {
    private static let letters =
        ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"]
        + ["n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z"]

    fileprivate func element(letter index: Int) -> XMLElement {
        var parts: [XMLElement] = []
        var type = "file"
        switch source {
        case .overlay(let path, let image, let format):
            parts = [Self.driver("qcow2"), Self.file(path)]
            let format = XMLElement("format", [("type", format.rawValue)])
            // The empty one below says that the image has none: nobody looks into it for one.
            parts.append(
                XMLElement("backingStore", [("type", "file")], [format, Self.file(image), XMLElement("backingStore")]))
        case .qcow2(let path): parts = [Self.driver("qcow2"), Self.file(path), XMLElement("backingStore")]
        case .raw(let path): parts = [Self.driver("raw"), Self.file(path)]
        case .rbd(let image):
            type = "network"
            parts = [Self.driver("raw")] + image.elements
        }
        parts.append(
            XMLElement("target", [("dev", "vd" + Self.letters[index % Self.letters.count]), ("bus", "virtio")]))
        if isReadOnly { parts.append(XMLElement("readonly")) }
        return XMLElement("disk", [("type", type), ("device", "disk")], parts)
    }

    private static func driver(_ format: String) -> XMLElement {
        XMLElement("driver", [("name", "qemu"), ("type", format), ("discard", "unmap")])
    }

    private static func file(_ path: HostPath) -> XMLElement { XMLElement("source", [("file", path.description)]) }
}

extension RBDImage {
    fileprivate var elements: [XMLElement] {
        let hosts = monitors.map { XMLElement("host", [("name", $0.address.description), ("port", String($0.port))]) }
        let file = configuration.map { [XMLElement("config", [("file", $0.description)])] } ?? []
        let source = XMLElement("source", [("protocol", "rbd"), ("name", "\(pool)/\(image)")], hosts + file)
        guard let secret else { return [source] }
        let key = XMLElement("secret", [("type", "ceph"), ("uuid", secret.description)])
        return [XMLElement("auth", [("username", user)], [key]), source]
    }
}

extension DomainInterface {
    /// The document for `virDomainAttachDeviceFlags` and its counterpart.
    package var xml: String { element.rendered() }

    fileprivate var element: XMLElement {
        XMLElement(
            "interface", [("type", "ethernet")],
            [
                XMLElement("mac", [("address", mac.description)]),
                XMLElement("target", [("dev", device.text), ("managed", "no")]),
                XMLElement("model", [("type", "virtio")]), XMLElement("mtu", [("size", mtu.description)]),
            ])
    }
}
