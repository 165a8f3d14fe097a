import Addressing
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources
import SystemService

/// One look along a way, from one of its ends.
struct PathMeasurement {
    let task: PathTask
    let snapshot: HostSnapshot
    let ports: HostPorts
    let probing: PathProbing
    let memory: RouterMemory

    /// Devices are looked at so often, spread over the exchange: what something keeps changing back is seen all the same.
    static let looks = 40

    private var host: HostIdentity { snapshot.host }
    var segment: DesiredSegment? { task.segment.flatMap { snapshot.segments[$0] } }
    /// The ends that are on this host.
    var near: [PathEnd] { [task.from, task.to].filter { $0.host == host.id } }
    /// Servers of earlier versions do not know what is found then.
    var looksCloser: Bool { task.extras.contains(.closerLook) }
    private var far: PathEnd? { [task.from, task.to].first { $0.host != host.id } }

    func run() async -> PathFindings {
        var findings = PathFindings(revision: snapshot.revision)
        async let exchanged = exchange()
        async let devices = watchDevices()
        findings.entries = await entriesAtTheBeginning()
        async let crossed = cross()
        async let guests = askGuests()
        async let routers = hearRouters()
        async let gateway = lookAtGateway()
        async let reached = reach()
        (findings.tallies, findings.failures) = await exchanged
        findings.devices = await devices
        let marked = await crossed
        findings.tallies += marked.tallies
        findings.failures += marked.failures
        findings.passage = marked.passage
        findings.guards = marked.guards
        findings.guests = await guests
        let heard = await routers
        for index in findings.guests.indices {
            let attachment = findings.guests[index].attachment
            findings.guests[index].routers = heard[attachment]
            findings.guests[index].names = marked.names[attachment]
        }
        findings.gateway = await gateway
        let beyond = await reached
        findings.tallies += beyond.tallies
        findings.failures += beyond.failures
        if task.extras.contains(.time) { findings.time = .now }
        if task.extras.contains(.segments) { findings.isGuarded = isGuarded(findings.tallies) }
        // At the end: packets have been sent that way.
        if let far {
            do throws(NodeError) {
                var way = try await probing.survey.way(to: far.vtep, from: host.vtep, by: host.interface)
                if !looksCloser { (way.neighbourMAC, way.ownMAC, way.routeMTU) = (nil, nil, nil) }
                findings.underlay = way
            } catch { findings.failures.append(Self.words(error)) }
            if let segment, segment.replication == .multicast {
                do throws(NodeError) {
                    findings.hasJoined = try await probing.survey.hasJoined(segment.group, on: host.interface)
                } catch { findings.failures.append(Self.words(error)) }
            }
        }
        return findings
    }

    private func exchange() async -> (tallies: [ProbeTally], failures: [String]) {
        guard let far else { return ([], []) }
        let order = ExchangeOrder(
            nonce: task.nonce, isFirst: task.from.host == host.id, interface: host.interface, own: host.vtep,
            peer: far.vtep, port: snapshot.underlay.port, hopLimit: snapshot.underlay.hopLimit,
            mtu: snapshot.underlay.mtu,
            tunnel: segment.map {
                ExchangeOrder.Tunnel(device: .vxlan($0.vni), vni: $0.vni, mtu: $0.mtu)
            })
        do throws(NodeError) { return (try await probing.exchange.exchange(order), []) } catch {
            return ([], [Self.words(error)])
        }
    }

    /// Before the first answers of guests can change them.
    private func entriesAtTheBeginning() async -> Set<ForwardingFinding> {
        guard let segment else { return [] }
        let macs = Set([task.from, task.to].compactMap { $0.guest?.mac })
        do throws(NodeError) {
            return try await probing.survey.entries(of: macs, bridge: .bridge(segment.vni), tunnel: .vxlan(segment.vni))
        } catch {
            // The devices are gone: the look at them says so.
            return []
        }
    }

    static func words(_ error: NodeError) -> String { String("\(error)".prefix(512)) }
}

extension PathMeasurement {
    private func watchDevices() async -> Set<DeviceFinding> {
        var found: Set<DeviceFinding> = []
        let pause = (task.isLocal ? Duration.milliseconds(400) : ExchangeOrder.duration) / Self.looks
        for look in 0..<Self.looks {
            // The only error of a sleep is cancellation, after which nobody reads what is found.
            if look > 0 { do { try await Task.sleep(for: pause) } catch { return found } }
            do throws(NodeError) { found.formUnion(try await lookAtDevices()) } catch { continue }
        }
        return Set(found.sorted(by: DeviceFinding.isWorse).prefix(PathFindings.maximumItems))
    }

    private func lookAtDevices() async throws(NodeError) -> [DeviceFinding] {
        var wanted: [(InterfaceName, DeviceFinding.Role, ResourceID?)] = []
        if far != nil { wanted.append((host.interface, .underlay, nil)) }
        if let segment {
            wanted.append((.vxlan(segment.vni), .vxlan, nil))
            wanted.append((.bridge(segment.vni), .bridge, nil))
        }
        for end in near {
            guard let guest = end.guest, let port = snapshot.attachments[guest.attachment]?.portName else { continue }
            wanted.append((port, .port, guest.attachment))
        }
        // A tunnel between two ends on one host is not part of their way.
        if far == nil { wanted.removeAll { $0.1 == .vxlan } }
        let observed = try await ports.links.observe(links: Set(wanted.map(\.0)), in: nil)
        return wanted.map { name, role, attachment in
            var found = DeviceFinding(
                name, role, attachment, observed.links[name], floods: observed.floods[name, default: []].sorted())
            if looksCloser, role != .underlay { found.obstacles = observed.links[name]?.obstacles ?? [] }
            return found
        }
    }
}

extension DeviceFinding {
    init(
        _ name: InterfaceName, _ role: Role, _ attachment: ResourceID?, _ link: ObservedLink?, floods: [IPv6Address]
    ) {
        self.init(name: name, role: role, attachment: attachment)
        guard let link else { return }
        exists = true
        isUp = link.settings.isUp
        isRunning = link.isRunning
        mtu = link.settings.mtu
        master = link.settings.master
        if case .vxlan(let settings) = link.kind {
            vxlan = VXLANFinding(
                vni: settings.vni, group: settings.group, local: settings.local, link: settings.link,
                port: settings.port, hopLimit: settings.hopLimit, floods: Array(floods.prefix(64)))
        }
    }

    /// Those that something is wrong with come first, when there are more than an answer takes.
    fileprivate static func isWorse(_ left: DeviceFinding, _ right: DeviceFinding) -> Bool {
        func rank(_ device: DeviceFinding) -> Int { !device.exists ? 0 : !device.isUp ? 1 : 2 }
        return (rank(left), left.name) < (rank(right), right.name)
    }
}
