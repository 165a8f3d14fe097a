import Addressing
import Glibc
import NetworkPlanning
import NodePorts

/// Making devices: born down with all the kernel takes at birth, then IPv6, then alias, bridge and up.
extension LinkWork {
    /// Makes the device, down. False when a device of that name exists.
    func make(_ new: NewLink, peerNamespace: Int32?) throws(NodeError) -> Bool {
        let operation = "create \(new.kind.word)"
        try check(alias: new.settings.alias, operation, new.name)
        do throws(KernelError) {
            switch new.kind {
            case .vxlan(let vxlan):
                guard let link = context.index(of: vxlan.link) else {
                    throw KernelError(errno: ENODEV, message: "there is no underlay interface \(vxlan.link)")
                }
                request.create(new, link: link, peerNamespace: nil)
                try netlink.acknowledge()
            case .bridge, .veth, .tap, .other:
                request.create(new, link: nil, peerNamespace: peerNamespace)
                try netlink.acknowledge()
            }
            return true
        } catch  where error.errno == EEXIST && context.index(of: new.name) != nil {
            return false
        } catch {
            // EEXIST with the name free: another device holds the VNI, or the peer's name; the kernel says which.
            throw error.error(operation, new.name.text)
        }
    }

    /// A tap becomes persistent as the last of all: until then the kernel takes it away with its descriptor, so that
    /// neither a failure nor a crash leaves half of one.
    func createTap(_ new: NewLink) throws(NodeError) {
        try check(alias: new.settings.alias, "create tap", new.name)
        // TUNSETIFF takes an existing tap without a word, so ask first.
        guard context.index(of: new.name) == nil else { return try adopt(new) }
        let tap = try TapDevice(new.name)
        try finish(new.name, new.settings, kind: .tap)
        try tap.persist()
    }

    /// IFALIASZ (linux/if.h) is 256 with the final zero; the kernel's own refusal does not say which field it means.
    func check(alias: String?, _ operation: String, _ name: InterfaceName) throws(NodeError) {
        guard let alias, alias.utf8.count > 255 else { return }
        throw NodeError(
            .errno(ERANGE), operation: operation, subject: name.text,
            message: "the alias has \(alias.utf8.count) bytes; at most 255 fit")
    }

    /// Gives a device that was just made the rest of its settings; takes it away when that fails, so that nothing is
    /// half done.
    func finishOrUndo(
        _ name: InterfaceName, _ settings: LinkSettings, kind: LinkKind, isClosed: Bool = false
    ) throws(NodeError) {
        do throws(NodeError) {
            try finish(name, settings, kind: kind, isClosed: isClosed)
        } catch {
            throw undo(name, error)
        }
    }

    /// Takes a device away that could not be completed.
    /// - Returns: what is to be said of it.
    func undo(_ name: InterfaceName, _ error: NodeError) -> NodeError {
        do throws(NodeError) { try delete(name) } catch let second {
            return NodeError(
                error.code, operation: error.operation, subject: error.subject,
                message: "\(error.message); and it could not be taken away again: \(second.message)")
        }
        return error
    }

    /// Before the device is up for the first time: it gets no link-local address by itself.
    func keepFromMakingLinkLocal(_ name: InterfaceName) throws(NodeError) {
        do throws(KernelError) { try DeviceFiles.keepFromMakingLinkLocal(name) } catch {
            throw error.error("set up veth", name.text)
        }
    }

    /// What the kernel does not take at birth. Does no harm to a device that has it all.
    /// - Parameters:
    ///   - isGuests: the device is a guest's own from now on, and no mark of KC's making stays on it but the alias.
    ///   - isClosed: it has its gates.
    func finish(
        _ name: InterfaceName, _ settings: LinkSettings, kind: LinkKind, isGuests: Bool = false, isClosed: Bool = false
    ) throws(NodeError) {
        let operation = "set up \(kind.word)"
        do throws(KernelError) {
            if let disabled = settings.ipv6Disabled { try DeviceFiles.setIPv6Disabled(disabled, on: name) }
            let master = try settings.master.map { bridge throws(KernelError) in try bridgeIndex(bridge) }
            if master != nil, !isClosed { try closeGate(of: name) }
            // A new port learns; only the other case costs messages of its own, before the first frame can pass.
            let isUpLater = settings.learning == false && settings.isUp
            // The MTU again: at birth the kernel lowers a VXLAN's silently to what the underlay carries; here it says so.
            request.adjust(
                name, alias: settings.alias, mtu: kind.takesMTUAtBirth ? nil : settings.mtu,
                mac: kind == .tap ? settings.mac : nil, master: master,
                group: isGuests ? 0 : kind == .tap && settings.alias != nil ? ObservedLink.creationGroup : nil,
                isUp: isUpLater ? nil : settings.isUp)
            try netlink.acknowledge()
            if let learning = settings.learning, master != nil, !learning {
                try setLearning(learning, on: name)
            }
            if isUpLater {
                request.adjust(name, isUp: true)
                try netlink.acknowledge()
            }
        } catch {
            throw explain(error, settings, kind).error(operation, name.text)
        }
    }

    /// A device of the wanted name exists: completes it when it is the wanted one.
    func adopt(_ new: NewLink) throws(NodeError) {
        try checkAdoptable(new)
        let wanted = new.settings
        try change(
            new.name,
            LinkChange(
                alias: wanted.alias, mtu: wanted.mtu, mac: wanted.mac,
                master: wanted.master.map { .bridge($0) }, isUp: wanted.isUp, ipv6Disabled: wanted.ipv6Disabled,
                multicastSnooping: wanted.multicastSnooping, netfilterCalls: wanted.netfilterCalls,
                linkLocalLearning: wanted.linkLocalLearning, learning: wanted.learning,
                takesMembers: GateKind(new.name) == nil ? nil : wanted.takesMembers, hopLimit: new.kind.hopLimit))
    }

    /// The existing device is of the wanted kind, and ours by its alias, or by its group where a crash came before it
    /// got the alias.
    func checkAdoptable(_ new: NewLink) throws(NodeError) {
        let operation = "create \(new.kind.word)"
        guard let found = try observe(link: new.name) else {
            throw NodeError(
                .errno(EAGAIN), operation: operation, subject: new.name.text,
                message: "a device of that name was there and went away meanwhile")
        }
        guard found.kind.canBecome(new.kind) else {
            throw NodeError(
                .errno(EEXIST), operation: operation, subject: new.name.text,
                message: "a device of that name exists and is another: \(found.kind)")
        }
        guard found.settings.alias == new.settings.alias || found.isUnfinished else {
            throw NodeError(
                .errno(EEXIST), operation: operation, subject: new.name.text,
                message: "a device of that name exists with the alias '\(found.settings.alias ?? "")'")
        }
    }

    func bridgeIndex(_ bridge: InterfaceName) throws(KernelError) -> Int32 {
        guard let index = context.index(of: bridge) else {
            throw KernelError(errno: ENODEV, message: "there is no bridge \(bridge)")
        }
        return index
    }

    func setLearning(_ learning: Bool, on name: InterfaceName) throws(KernelError) {
        guard let index = context.index(of: name) else { throw KernelError(errno: ENODEV) }
        request.adjustPort(index: index, learning: learning)
        try netlink.acknowledge()
    }

    /// Adds to what the kernel says the limit that was met and how to move it.
    func explain(_ error: KernelError, _ settings: LinkSettings, _ kind: LinkKind) -> KernelError {
        let advice: String
        switch (error.errno, kind) {
        case (ENOMEM, .vxlan(let vxlan)), (ENOBUFS, .vxlan(let vxlan)):
            guard let group = vxlan.group else { return error }
            advice =
                "joining group \(group) met the limit of net.core.optmem_max, which bounds the multicast groups of "
                + "one UDP port; raise it (sysctl -w net.core.optmem_max=1048576) or let more segments share a group"
        case (EXFULL, _):
            guard let master = settings.master else { return error }
            advice = "bridge \(master) has the 1,023 ports that Linux allows"
        case (EINVAL, .vxlan(let vxlan)):
            advice =
                "MTU \(settings.mtu) may be more than underlay interface \(vxlan.link) carries with 70 bytes of VXLAN"
        default: return error
        }
        return KernelError(errno: error.errno, message: error.message.isEmpty ? advice : "\(error.message): \(advice)")
    }
}

extension LinkKind {
    /// As in messages to people.
    var word: String {
        switch self {
        case .vxlan: "vxlan"
        case .bridge: "bridge"
        case .tap: "tap"
        case .veth: "veth"
        case .other(let kind): kind
        }
    }

    var hopLimit: UInt8? { if case .vxlan(let settings) = self { settings.hopLimit } else { nil } }

    var takesMTUAtBirth: Bool {
        switch self {
        case .vxlan, .tap: false
        case .bridge, .veth, .other: true
        }
    }
}
