import APIClient
import Addressing
import NetworkModel
import Resources

/// What the kernels show, compared with what the API says of the same segment.
extension ExpectationChecker {
    func check(_ expected: ExpectedSegment, _ view: ResourceView) async throws(LaboratoryError) -> [Discrepancy] {
        let subject = "segment \(expected.name)"
        guard let document = view.segment(expected.name, in: expected.project) else {
            return [Discrepancy(subject, "does not exist")]
        }
        let assigned: Segment.Assigned
        do throws(FieldError) { assigned = try Segment.Assigned(of: document) } catch {
            return [Discrepancy(subject, error.description)]
        }
        var found: [Discrepancy] = []
        func demand<Value: Equatable>(_ what: String, _ is: Value, _ must: Value) {
            if `is` != must { found.append(Discrepancy(subject, "\(what) is \(`is`), not \(must)")) }
        }
        demand("mtu", assigned.mtu, expected.mtu)
        demand("replication", assigned.replication, expected.replication)
        let carriers = laboratory.topology.hosts.filter { expected.hosts.contains($0.name) }
        for host in carriers {
            let others = Set(carriers.map(\.address)).subtracting([host.address])
            for wrong in try await differences(assigned, document.id, on: host, others: others) {
                found.append(Discrepancy(subject, "on \(host.name): \(wrong)"))
            }
        }
        return found
    }

    /// Every setting that design and status fix, read from the devices.
    private func differences(
        _ assigned: Segment.Assigned, _ id: ResourceID, on host: LabHost, others: Set<IPv6Address>
    ) async throws(LaboratoryError) -> [String] {
        let machine = try laboratory.machine(host.name)
        let devices = try await machine.devices()
        let names = (vxlan: InterfaceName.vxlan(assigned.vni), bridge: InterfaceName.bridge(assigned.vni))
        guard let vxlan = devices.first(where: { $0.name == names.vxlan.text }),
            let bridge = devices.first(where: { $0.name == names.bridge.text })
        else { return ["\(names.vxlan) or \(names.bridge) is missing"] }
        var wrong: [String] = []
        func demand(_ device: DeviceFacts, _ what: String, _ is: String?, _ must: String?) {
            if `is` != must {
                wrong.append("\(device.name): \(what) is \(`is` ?? "(none)"), not \(must ?? "(none)")")
            }
        }
        for device in [vxlan, bridge] {
            demand(device, "alias", device.alias, "kc:segment/\(id)")
            demand(device, "mtu", "\(device.mtu)", "\(assigned.mtu)")
            demand(device, "up", "\(device.isUp)", "true")
        }
        let isMulticast = assigned.replication == .multicast
        demand(vxlan, "kind", vxlan.kind, "vxlan")
        demand(vxlan, "master", vxlan.master, names.bridge.text)
        demand(vxlan, "vni", vxlan.settings["id"], "\(assigned.vni.value)")
        demand(vxlan, "group", vxlan.settings["group6"], isMulticast ? "\(assigned.group)" : nil)
        demand(vxlan, "local", vxlan.settings["local6"], "\(host.address)")
        demand(vxlan, "link", vxlan.settings["link"], host.interface.text)
        demand(vxlan, "udp_csum", vxlan.settings["udp_csum"], "true")
        demand(bridge, "kind", bridge.kind, "bridge")
        demand(bridge, "mcast_snooping", bridge.settings["mcast_snooping"], "0")
        for table in ["iptables", "ip6tables", "arptables"] {
            demand(bridge, "nf_call_\(table)", bridge.settings["nf_call_\(table)"], "0")
        }
        let floods = try await machine.floods(of: names.vxlan).filter { !$0.isMulticast }
        let peers = isMulticast ? [] : others
        if floods != peers {
            wrong.append("\(names.vxlan): floods to \(text(floods)), not to \(text(peers))")
        }
        return wrong
    }

    private func text(_ addresses: Set<IPv6Address>) -> String {
        addresses.isEmpty ? "nobody" : addresses.sorted().map(\.description).joined(separator: " ")
    }

    /// Devices and gateway namespaces of KC that nothing accounts for, and ports that are missing.
    func strays(on host: LabHost, _ view: ResourceView) async throws(LaboratoryError) -> [Discrepancy] {
        let machine = try laboratory.machine(host.name)
        let subject = "host \(host.name)"
        var wanted: Set<String> = []
        for expected in expectations.segments where expected.hosts.contains(host.name) {
            guard let segment = view.segment(expected.name, in: expected.project),
                let vni = segment.status?["vni"].flatMap({ UInt32($0.excerpt) }), let vni = try? VNI(vni)
            else { continue }  // The segment's own check says that it has no VNI.
            wanted.formUnion([InterfaceName.vxlan(vni).text, InterfaceName.bridge(vni).text])
        }
        wanted.formUnion(view.attachments(on: host.name).compactMap { $0.status?["interface"]?.string })
        for gateway in view.gateways(on: host.name)
        where gateway.spec?["uplink"]?["type"]?.string == "routed" {
            wanted.insert(InterfaceName.uplink(gateway.id.bytes).text)
        }
        let devices = try await machine.devices()
        let ours = Set(
            devices.filter { device in
                device.alias.hasPrefix("kc:")
                    || ["kcx", "kcb", "kct", "kcp", "kcu"].contains { device.name.hasPrefix($0) }
            }.map(\.name))
        let present = Set(devices.map(\.name))
        var found = ours.subtracting(wanted).sorted().map { Discrepancy(subject, "nobody wants the device \($0)") }
        found += wanted.subtracting(present).sorted().map { Discrepancy(subject, "the device \($0) is missing") }
        let gateways = Set(view.gateways(on: host.name).map { NamespaceName.gateway($0.id).text })
        let namespaces = try await machine.guestNamespaces().filter { $0.hasPrefix("kcg-") }
        found += namespaces.subtracting(gateways).sorted().map {
            Discrepancy(subject, "nobody wants the namespace \($0)")
        }
        found += gateways.subtracting(namespaces).sorted().map {
            Discrepancy(subject, "the namespace \($0) is missing")
        }
        return found
    }
}
