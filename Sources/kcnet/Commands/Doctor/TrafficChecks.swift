import Addressing
import Commands
import Diagnosis
import Frames
import LinuxNetlink
import LinuxPackets
import NetworkModel
import NetworkPlanning
import NodePorts

/// What is heard on this host's underlay interface.
enum TrafficChecks {
    /// - Parameter seconds: for how long to listen.
    static func all(_ host: Host.Spec, underlay: Underlay.Spec, seconds: Int) async -> [Finding] {
        let name = host.interface
        guard let text = ProcFile.text("/sys/class/net/\(name)/address"), let mac = MACAddress(text) else {
            return []  // no such interface: said by another check
        }
        do {
            let links = try await NetlinkLinkTable(threads: NamespaceThreads()).observe(in: nil).links
            let heard = try await UnderlayWatch().listen(
                at: name, port: underlay.port, address: host.vtep, asking: question(host.vtep, mac),
                for: .seconds(seconds))
            var wanted: Set<UInt32> = []
            for link in links.values {
                if case .vxlan(let settings) = link.kind { wanted.insert(settings.vni.value) }
            }
            return UnderlayTrafficCheck(
                UnderlayTraffic(
                    queriers: heard.queriers, frames: heard.frames, holders: heard.holders,
                    wrongChecksums: heard.wrongChecksums),
                interface: name, vtep: host.vtep, wanted: wanted, seconds: seconds,
                usesMulticast: underlay.multicast
            ).checks.map(Finding.init)
        } catch {
            return [Finding(.warn, "traffic", "\(name) cannot be listened at: \(error)", next: "run as root")]
        }
    }

    /// Asks whether the address is free, as duplicate address detection does (RFC 4862 section 5.4.2): its other holder
    /// would defend it, and this host does not hear itself.
    private static func question(_ address: IPv6Address, _ mac: MACAddress) -> [UInt8] {
        // ff02::1:ff00:0/104 (RFC 4291 section 2.7.1), 33:33 and its last four bytes (RFC 2464 section 7).
        let group = IPv6Address(high: 0xff02 << 48, low: 0x1_ff00_0000 | address.low & 0xff_ffff)
        let message = ICMPv6Message(.neighbourSolicitation(target: address, []))
        return EthernetFrame(
            to: MACAddress(0x3333_0000_0000 | group.low & 0xffff_ffff), from: mac,
            .ipv6(IPv6Packet(from: .unspecified, to: group, hopLimit: 255, .icmpv6(message)))
        ).bytes
    }
}

extension Finding {
    init(_ check: Check) {
        let level: Level =
            switch check.level {
            case .ok: .ok
            case .warn: .warn
            case .fail: .fail
            }
        self.init(level, check.name, check.what, why: check.why, next: check.next)
    }
}
