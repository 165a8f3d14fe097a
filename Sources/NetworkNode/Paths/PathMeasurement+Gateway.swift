import Addressing
import Frames
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources

/// What is beyond the first segment: the gateway itself, and echoes through it.
extension PathMeasurement {
    /// nil when no gateway is asked about, or it is on another host.
    func lookAtGateway() async -> GatewayFinding? {
        guard let task = task.gateway, let gateway = snapshot.gateways[task.id], self.task.to.host == snapshot.host.id,
            let segment
        else { return nil }
        let namespace = NamespaceName.gateway(task.id)
        let inner = InterfaceName.gatewaySegment(segment.vni)
        var outer: InterfaceName?
        if let next = task.next {
            outer = snapshot.segments[next].map { .gatewaySegment($0.vni) }
        } else if gateway.uplink != nil {
            outer = .up0
        }
        let before = (await daemons(of: gateway), await firewallDrops(namespace))
        var heard: [HeardEchoes] = []
        if task.target != nil {
            do throws(NodeError) {
                heard = try await probing.gateways.listen(
                    for: self.task.nonce.beyond, at: [inner] + [outer].compactMap { $0 }, in: namespace)
            } catch {}  // without the namespace there is nothing to hear, and the look at it says so
        }
        var finding = GatewayFinding(exists: false, inner: .init(inner))
        do throws(NodeError) {
            let seen = try await ports.links.observe(in: namespace)
            finding.exists = true
            finding.isForwarding = seen.isForwarding
            finding.hasWayOut = seen.hasDefaultRoute
            finding.hasRouterAddress =
                seen.addresses[inner, default: []].contains { $0.address == .segmentRouter }
            finding.inner = hop(inner, seen, heard.first)
            finding.outer = outer.map { hop($0, seen, heard.dropFirst().first) }
        } catch {}  // it does not exist
        if finding.exists { finding.lacks = await whatTranslatorLacks(gateway, namespace) }
        finding.daemons = Self.broken(before.0, await daemons(of: gateway))
        finding.drops = Self.growth(before.1, await firewallDrops(namespace))
        return finding
    }

    /// What stands between the first end and the IPv4 world; nil when nothing is missing, or nobody asked.
    private func whatTranslatorLacks(_ gateway: DesiredGateway, _ namespace: NamespaceName) async -> String? {
        guard looksCloser, let nat64 = gateway.nat64 else { return nil }
        do throws(NodeError) {
            // A translator without one of its mappings is none to the planner; who has lost what its tables say.
            guard let tables = try await ports.translators.statistics(in: namespace) else { return "translator" }
            let planned = nat64.mappings.first { $0.value == task.from.guest?.address }
            let isCounting = tables.translator == .kernel
            if let planned, isCounting, tables.traffic[planned.key] == nil { return "\(planned.key)" }
            guard let translator = try await ports.translators.observe(in: namespace) else {
                // What others have lost is not in this one's way.
                return isCounting && tables.traffic.count < nat64.mappings.count ? nil : "translator"
            }
            return planned.flatMap { translator.mappings[$0.key] == $0.value ? nil : "\($0.key)" }
        } catch {
            // It cannot be looked at just now: echoes through it say whether it works.
            return nil
        }
    }

    private func hop(_ name: InterfaceName, _ seen: ObservedLinks, _ heard: HeardEchoes?) -> GatewayFinding.Hop {
        let link = seen.links[name]
        var hop = GatewayFinding.Hop(
            name, exists: link != nil, isRunning: link.map { $0.settings.isUp && $0.isRunning } ?? false)
        hop.requestsIn = heard?.requestsIn ?? 0
        hop.requestsOut = heard?.requestsOut ?? 0
        hop.answersIn = heard?.answersIn ?? 0
        hop.answersOut = heard?.answersOut ?? 0
        return hop
    }

    private func firewallDrops(_ namespace: NamespaceName) async -> [String: Int] {
        // Without a firewall nothing passes, which the echoes say.
        guard let drops = try? await ports.firewalls.drops(in: namespace) else { return [:] }
        return drops.mapValues { Int(clamping: $0) }
    }

    /// Those that the gateway shall have, by what they are called; nil for one that nobody runs.
    private func daemons(of gateway: DesiredGateway) async -> [String: ObservedDaemon?] {
        let segments = gateway.ports.keys.compactMap { snapshot.segments[$0] }
        var wanted: [String: String] = [:]
        if segments.contains(where: { $0.ipam == .automatic }) {
            wanted["radvd"] = DaemonInstance.radvd(of: gateway.id)
        }
        if segments.contains(where: { $0.dhcp != .none }) {
            wanted["kea-dhcp6"] = DaemonInstance.keaDHCP6(of: gateway.id)
        }
        if gateway.resolver != nil { wanted["unbound"] = DaemonInstance.resolver(of: gateway.id) }
        let observed = await ports.daemons.observe()
        return wanted.mapValues { observed[$0] }
    }

    /// Those that did not run at one of two moments, or ended between them.
    private static func broken(
        _ before: [String: ObservedDaemon?], _ after: [String: ObservedDaemon?]
    ) -> [GatewayFinding.Daemon] {
        after.keys.sorted().compactMap { name in
            guard let now = after[name] ?? nil else { return .init(name: name, problem: "it was never started") }
            let then = before[name] ?? nil
            if !now.isRunning || then.map({ !$0.isRunning }) ?? true {
                return .init(name: name, problem: "it does not run; it has ended \(now.restarts) times")
            }
            if let then, now.restarts > then.restarts {
                return .init(name: name, problem: "it ended while it was looked at")
            }
            return now.problem.map { .init(name: name, problem: String($0.prefix(512))) }
        }
    }

    /// Echo requests of the first end to the target, through the gateway.
    func reach() async -> (tallies: [ProbeTally], failures: [String]) {
        guard let target = task.gateway?.target, let segment, task.from.host == snapshot.host.id,
            let own = task.from.guest, let router = task.to.guest, !own.address.isLinkLocal,
            let port = port(of: task.from)
        else { return ([], []) }
        let nonce = task.nonce.beyond
        let frames = (0..<CrossingOrder.maximumRounds).map { round in
            let mark = ProbeMark(
                round.isMultiple(of: 2) ? .reach : .largeReach, isFirst: true, number: UInt16(round))
            var data = mark.bytes(nonce)
            if mark.kind == .largeReach {
                data += [UInt8](repeating: 0, count: max(0, segment.mtu.bytes - 48 - data.count))
            }
            let echo = ICMPv6Message(
                .echo(
                    isReply: false, identifier: UInt16(truncatingIfNeeded: nonce.low), sequence: mark.number, data: data
                ))
            return EthernetFrame(
                to: router.mac, from: own.mac, .ipv6(IPv6Packet(from: own.address, to: target, .icmpv6(echo)))
            ).bytes
        }
        let order = CrossingOrder(
            nonce: nonce, offset: HeardEchoes.offset,
            lanes: [CrossingOrder.Lane(port: port, isFirst: true, frames: frames)])
        do throws(NodeError) {
            guard let result = try await probing.crossing.cross(order).first else { return ([], []) }
            return (
                [ProbeTally.Kind.reach, .largeReach].map { kind in
                    let sent = kind == .reach ? (result.sent + 1) / 2 : result.sent / 2
                    return ProbeTally(kind, sent: sent, delivered: result.arrived[kind, default: 0])
                }, []
            )
        } catch { return ([], [Self.words(error)]) }
    }
}
