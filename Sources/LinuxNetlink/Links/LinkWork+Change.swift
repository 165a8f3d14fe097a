import Addressing
import Glibc
import NFTables
import NetworkModel
import NetworkPlanning
import NodePorts

/// Changing living devices.
extension LinkWork {
    /// IPv6 first (before the device can be up with it), then the bridge's options, then the rest in one message; a
    /// port's learning needs its bridge, so it comes after that and before up.
    func change(_ name: InterfaceName, _ change: LinkChange) throws(NodeError) {
        try check(alias: change.alias, "change", name)
        do throws(KernelError) {
            if let disabled = change.ipv6Disabled {
                _ = try bridgeIndex(name)
                try DeviceFiles.setIPv6Disabled(disabled, on: name)
            }
            if change.multicastSnooping != nil || change.netfilterCalls != nil || change.linkLocalLearning != nil {
                request.adjustBridge(
                    name, multicastSnooping: change.multicastSnooping, netfilterCalls: change.netfilterCalls,
                    linkLocalLearning: change.linkLocalLearning)
                try netlink.acknowledge()
            }
            if let hopLimit = change.hopLimit {
                request.adjustVXLAN(name, hopLimit: hopLimit)
                try netlink.acknowledge()
            }
            let master: Int32? =
                switch change.master {
                case nil: nil
                case .some(.none): 0
                case .bridge(let bridge): try bridgeIndex(bridge)
                }
            if case .bridge = change.master { try closeGate(of: name, isLiving: true) }
            let isUpLater = change.learning != nil && change.isUp == true
            if change.alias != nil || change.mtu != nil || change.mac != nil || master != nil
                || change.takesMembers != nil || (change.isUp != nil && !isUpLater)
            {
                request.adjust(
                    name, alias: change.alias, mtu: change.mtu, mac: change.mac, master: master,
                    group: change.takesMembers.map { group(of: name, takesMembers: $0) },
                    isUp: isUpLater ? nil : change.isUp)
                try netlink.acknowledge()
            }
            if let learning = change.learning { try setLearning(learning, on: name) }
            try clear(change, at: name)
            if isUpLater {
                request.adjust(name, isUp: true)
                try netlink.acknowledge()
            }
        } catch  where error.errno == ENODEV && change == LinkChange(takesMembers: false) {
            return  // A device that is gone gets nothing.
        } catch {
            throw try explain(error, change, name).error("change", name.text)
        }
    }

    /// An operator's interface goes back to no group, a device of KC's to the group of its making.
    private func group(of name: InterfaceName, takesMembers: Bool) -> UInt32 {
        if takesMembers { return KCRuleset.DeviceGroup.members }
        return GateKind(name) == nil ? 0 : ObservedLink.creationGroup
    }

    private func clear(_ change: LinkChange, at name: InterfaceName) throws(KernelError) {
        guard !change.clears.isEmpty || !change.strays.isEmpty else { return }
        guard let index = context.index(of: name) else { throw KernelError(errno: ENODEV) }
        for stray in change.strays {
            request.deleteEntry(stray, index: index)
            do throws(KernelError) { try netlink.acknowledge() } catch  where error.errno == ENOENT { continue }
        }
        let flags = change.clears.subtracting([.blocked])
        if !flags.isEmpty {
            request.clearPort(index: index, of: flags)
            try netlink.acknowledge()
        }
        if change.clears.contains(.blocked) {
            request.clearPort(index: index, of: [.blocked])
            try netlink.acknowledge()
        }
    }

    /// Looks at the device to say which limit was met; only after a failure.
    private func explain(
        _ error: KernelError, _ change: LinkChange, _ name: InterfaceName
    ) throws(NodeError) -> KernelError {
        guard let found = try observe(link: name) else { return error }
        var settings = found.settings
        if case .bridge(let bridge) = change.master { settings.master = bridge }
        if let mtu = change.mtu { settings.mtu = mtu }
        return explain(error, settings, found.kind)
    }
}
