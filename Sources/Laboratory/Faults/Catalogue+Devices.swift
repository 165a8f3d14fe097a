import Addressing
import NetworkModel
import Resources

extension Fault {
    static let devices: [Fault] = [
        paused("vxlan-down", "the segment's VXLAN device is down") {
            [.ip($0.here.place, "link", "set", $0.vxlan.text, "down")]
        },
        paused("bridge-down", "the segment's bridge is down") {
            [.ip($0.here.place, "link", "set", $0.bridge.text, "down")]
        },
        paused("port-down", "the attachment's port is down") {
            [.ip($0.here.place, "link", "set", $0.here.port.text, "down")]
        },
        paused("vxlan-deleted", "somebody deleted the segment's VXLAN device") {
            [.ip($0.here.place, "link", "del", $0.vxlan.text)]
        },
        paused("bridge-deleted", "somebody deleted the segment's bridge") {
            [.ip($0.here.place, "link", "del", $0.bridge.text)]
        },
        paused("port-deleted", "somebody deleted the attachment's port") {
            [.ip($0.here.place, "link", "del", $0.here.port.text)]
        },
        paused("vxlan-unplugged", "the VXLAN device is out of its bridge") {
            [.ip($0.here.place, "link", "set", $0.vxlan.text, "nomaster")]
        },
        paused("port-unplugged", "the attachment's port is out of its bridge") {
            [.ip($0.here.place, "link", "set", $0.here.port.text, "nomaster")]
        },
        paused("vxlan-wrong-vni", "the VXLAN device has another VNI") { replaced($0) { $0.vni += 0x10_0000 } },
        paused("vxlan-wrong-port", "the VXLAN device uses another UDP port") { replaced($0) { $0.port = 8472 } },
        paused("vxlan-wrong-group", "the VXLAN device joined another group") {
            replaced($0) { $0.group = "ff15::8b00:fffe" }
        },
        paused("vxlan-wrong-local", "the VXLAN device sends from another address") {
            replaced($0) { $0.local = "::1" }
        },
        paused("vxlan-hop-limit", "VXLAN is sent with a hop limit of 1, which ends at the first router") {
            replaced($0) { $0.hopLimit = 1 }
        },
        Fault(
            "vxlan-wrong-remote", "a forwarding entry sends the peer's frames to a VTEP that nobody has", .paused
        ) { scene in
            entry(scene, ["dev", scene.vxlan.text, "dst", "fd0a::dead", "self"])
        },
        Fault(
            "bridge-wrong-entry", "a static forwarding entry leads the peer's frames to the wrong port", .paused
        ) { scene in
            entry(scene, ["dev", scene.here.port.text, "master"], "sticky")
        },
        Fault("port-elsewhere", "the attachment's port is in a bridge that is not its segment's", .paused) { scene in
            let (other, port) = ("labbridge", scene.here.port.text)
            return FaultScript(
                [
                    .ip(scene.here.place, "link", "add", other, "up", "type", "bridge"),
                    .ip(scene.here.place, "link", "set", port, "master", other),
                ],
                heal: [.ip(scene.here.place, "link", "del", other)]
            ).whilePaused(scene.here.host.name)
        },
        Fault("ports-isolated", "the ports of the segment's bridge are isolated from each other", .paused) { scene in
            let ports = [scene.here.port, scene.vxlan]
            return FaultScript(
                ports.map { flag(scene, $0, "isolated", "on") }, heal: ports.map { flag(scene, $0, "isolated", "off") }
            ).whilePaused(scene.here.host.name)
        },
        Fault(
            "port-disabled", "the attachment's port forwards nothing: its state in the bridge is 'disabled'", .paused
        ) { scene in
            FaultScript(
                [flag(scene, scene.here.port, "state", "0")], heal: [flag(scene, scene.here.port, "state", "3")]
            ).whilePaused(scene.here.host.name)
        },
        Fault(
            "port-locked", "the attachment's port takes frames of MACs alone that the bridge knows, and it knows none",
            .paused
        ) { scene in
            FaultScript(
                [
                    flag(scene, scene.here.port, "locked", "on"),
                    .run(
                        scene.here.place,
                        ["bridge", "fdb", "flush", "dev", scene.bridge.text, "brport", scene.here.port.text]),
                ], heal: [flag(scene, scene.here.port, "locked", "off")]
            ).whilePaused(scene.here.host.name)
        },
        Fault("flood-off", "the bridge passes no frames to groups on into the tunnel", .paused) { scene in
            FaultScript(
                [flag(scene, scene.vxlan, "mcast_flood", "off")], heal: [flag(scene, scene.vxlan, "mcast_flood", "on")]
            ).whilePaused(scene.here.host.name)
        },
        paused("port-mtu", "the attachment's port carries 1,300 bytes and no more") {
            [.ip($0.here.place, "link", "set", $0.here.port.text, "mtu", "1300")]
        },
        paused("vxlan-mtu", "the VXLAN device carries 1,300 bytes and no more") {
            [.ip($0.here.place, "link", "set", $0.vxlan.text, "mtu", "1300")]
        },
    ]

    /// Something an agent would repair, on the host of `here`. Going on, the agent mends it.
    static func paused(
        _ name: String, _ summary: String,
        _ steps: @escaping @Sendable (FaultScene) throws(LaboratoryError) -> [FaultStep]
    ) -> Fault {
        Fault(name, summary, .paused) { scene throws(LaboratoryError) in
            FaultScript(try steps(scene), heal: []).whilePaused(scene.here.host.name)
        }
    }

    /// A setting of a port of a bridge.
    private static func flag(_ scene: FaultScene, _ port: InterfaceName, _ words: String...) -> FaultStep {
        .run(scene.here.place, ["bridge", "link", "set", "dev", port.text] + words)
    }

    /// A static entry for the peer's MAC.
    private static func entry(_ scene: FaultScene, _ words: [String], _ flags: String...) -> FaultScript {
        let mac = "\(scene.there.mac)"
        return FaultScript(
            [.run(scene.here.place, ["bridge", "fdb", "replace", mac] + words + ["static"] + flags)],
            heal: [.run(scene.here.place, ["bridge", "fdb", "del", mac] + words)]
        ).whilePaused(scene.here.host.name)
    }

    /// The settings of a VXLAN device.
    private struct Settings {
        var vni: UInt32
        var port = 4789
        var group: String
        var local: String
        var hopLimit = 64
    }

    /// The segment's VXLAN device, made anew with a setting changed. It does not carry the agent's mark any more, since
    /// a changed device with the mark would be one that the agent made.
    private static func replaced(_ scene: FaultScene, _ change: (inout Settings) -> Void) -> [FaultStep] {
        var settings = Settings(
            vni: scene.vni.value, group: "\(scene.group)", local: "\(scene.here.host.address)")
        change(&settings)
        let device = scene.vxlan.text
        return [
            .ip(scene.here.place, "link", "del", device),
            .ip(
                scene.here.place, "link", "add", device, "mtu", "\(scene.mtu)", "type", "vxlan", "id",
                "\(settings.vni)", "group", settings.group, "local", settings.local, "dev",
                scene.here.host.interface.text, "dstport", "\(settings.port)", "ttl", "\(settings.hopLimit)", "udpcsum"),
            .ip(scene.here.place, "link", "set", device, "alias", "kc:segment/\(scene.segment)"),
            .sysctl(scene.here.place, "net/ipv6/conf/\(device)/disable_ipv6", "1"),
            .ip(scene.here.place, "link", "set", device, "master", scene.bridge.text, "up"),
        ]
    }
}
