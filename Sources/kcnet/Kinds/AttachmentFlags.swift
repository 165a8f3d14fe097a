import APIClient
import Addressing
import ArgumentParser
import Commands
import Documents
import NetworkModel
import Resources

struct AttachmentFlags: KindFlags {
    static let abstract = "Ports on segments."
    static var description: KindDescription { described(Attachment.kind) }
    static let settledPhases = ["wired"]

    @Option(help: "The segment it is a port of.") var segment: String?
    @Option(help: "The host that realises it.") var host: String?
    @Option(help: "A MAC of your choice.") var mac: String?
    @Option(help: "A static address in the segment's /64; may be repeated.") var address: [String] = []
    @Option(help: "An IPv4 address of your choice, on a segment that has IPv4.") var ipv4: String?
    @Flag(help: "A tap device for a VM (the default).") var tap = false
    @Option(help: "Put a veth's end into this network namespace of the host instead (a name, never a path).")
    var netns: String?
    @Option(help: "The interface's name inside the namespace (default: eth0).") var interface: String?
    @Option(help: "Take this interface of the host into the segment instead: a connection to the outside.")
    var external: String?
    @Option(help: "A policy that says who may talk to it; may be repeated (default: allow-segment).")
    var policy: [String] = []
    @Option(help: "One more policy beside those it has; may be repeated.") var addPolicy: [String] = []
    @Option(
        help: ArgumentHelp(
            "A source it may use though it is not its own (routers, virtual addresses); may be repeated.",
            valueName: "prefix"))
    var allowAddress: [String] = []
    @Option(help: "How many addresses it may take for itself: SLAAC, privacy addresses (0 to 64, default 16).")
    var learnedAddresses: Int?
    @Option(help: "Delegate a prefix of this length (48 to 64) to it: for a guest that is a router.")
    var delegate: Int?
    @OptionGroup(title: "Limits (k, M, G, T: thousands, millions, billions, trillions)") var limits: LimitFlags

    func validate() throws {
        guard [tap, netns != nil, external != nil].count(where: { $0 }) <= 1 else {
            throw ValidationError("--tap, --netns and --external exclude each other")
        }
        guard policy.isEmpty || addPolicy.isEmpty else {
            throw ValidationError("--policy replaces the list, --add-policy adds to it: they exclude each other")
        }
        guard interface == nil || netns != nil else { throw ValidationError("--interface needs --netns") }
    }

    func edit(_ spec: JSONNode) throws -> JSONNode {
        var spec = spec.setting("segment", text: segment).setting("host", text: host).setting("mac", text: mac)
            .setting("ipv4", text: ipv4).setting("addresses", texts: address).setting("policies", texts: policy)
            .setting("allowedAddresses", texts: allowAddress.map { $0.contains("/") ? $0 : $0 + "/128" })
            .setting("learnedAddresses", number: learnedAddresses)
        if !addPolicy.isEmpty {
            let present = spec["policies"]?.elements.compactMap(\.string) ?? [BuiltInPolicy.allowSegment.rawValue]
            spec = spec.setting("policies", texts: present + addPolicy)
        }
        if let delegate {
            spec = spec.setting("delegated", to: JSONNode.object([]).setting("length", number: delegate))
        }
        spec = try limits.edit(spec)
        guard let port else { return spec }
        return spec.setting("port", to: port)
    }

    private var port: JSONNode? {
        let empty = JSONNode.object([])
        if tap { return empty.setting("type", text: "tap") }
        if let netns {
            return empty.setting("type", text: "namespace").setting("namespace", text: netns)
                .setting("interface", text: interface ?? "eth0")
        }
        return external.map { empty.setting("type", text: "external").setting("interface", text: $0) }
    }

    static let columns: [Column] = [
        .name, .spec("segment", "segment"), .spec("host", "host"), .status("mac", "mac"),
        Column("addresses") { document, _ in
            .init(Column.abridged((document.status?["addresses"]?.elements ?? []).compactMap { $0["value"]?.string }))
        },
        .status("delegated", "delegatedPrefix", wide: true), .status("policies", "policies"),
        Column("port", wide: true) { document, _ in .init(document.spec?["port"]?["type"]?.string ?? "") },
        .status("interface", "interface"), .phase, .labels, .id, .message,
    ]

    /// The command line of a VM on this tap. The device's name follows from the id, so that it is known before the
    /// host has made it.
    static func advice(_ document: ResourceDocument) -> [String] {
        guard document.spec?["port"]?["type"]?.string == "tap", let mac = document.status?["mac"]?.string else {
            return []
        }
        let interface = document.status?["interface"]?.string ?? InterfaceName.port(document.id.bytes).text
        let host = document.spec?["host"] == nil ? "the host it will be bound to" : "its host"
        return [
            "", "On \(host), once it is wired, a VM takes it like this:",
            "  qemu-system-x86_64 … -netdev tap,id=n0,ifname=\(interface),script=no,downscript=no,vhost=off "
                + "-device virtio-net-pci,netdev=n0,mac=\(mac)",
        ]
    }
}
