import Addressing
import Glibc
import NetworkPlanning
import NodePorts

/// Operations on devices, done on the thread that is in their namespace.
struct LinkWork {
    let context: NamespaceContext

    var netlink: NetlinkConnection { context.netlink }
    var request: RequestBuffer { context.netlink.request }

    /// Does one operation that needs no other namespace.
    func perform(_ operation: LinkOperation) throws(NodeError) {
        switch operation {
        case .create(let new):
            if new.kind == .tap {
                try createTap(new)
            } else if try make(new, peerNamespace: nil) {
                try finishOrUndo(new.name, new.settings, kind: new.kind)
            } else {
                try adopt(new)
            }
        case .change(let name, let change): try self.change(name, change)
        case .delete(let name): try delete(name)
        case .addFlood(let name, let destination): try flood(add: true, name, destination)
        case .removeFlood(let name, let destination): try flood(add: false, name, destination)
        case .addAddress(let name, let address): try add(address, to: name)
        case .removeAddress(let name, let address): try remove(address, from: name)
        case .addRoute(let route): try add(route)
        case .removeRoute(let route): try remove(route)
        case .move(let name, _, _):
            throw NodeError(
                .protocolViolation, operation: "move", subject: name.text, message: "needs another namespace")
        }
    }

    /// The index of a device that must exist.
    func index(_ name: InterfaceName, for operation: String, _ subject: InterfaceName) throws(NodeError) -> Int32 {
        guard let index = context.index(of: name) else {
            throw NodeError(
                .errno(ENODEV), operation: operation, subject: subject.text,
                message: "there is no device \(name)")
        }
        return index
    }

    func delete(_ name: InterfaceName) throws(NodeError) {
        request.deleteLink(name)
        do throws(KernelError) { try netlink.acknowledge() } catch  where error.errno == ENODEV {
            return
        } catch {
            throw error.error("delete", name.text)
        }
    }

    private func flood(add: Bool, _ name: InterfaceName, _ destination: IPv6Address) throws(NodeError) {
        let operation = add ? "add flood to \(destination) on" : "remove flood to \(destination) from"
        guard let index = context.index(of: name) else {
            if !add { return }
            throw NodeError(
                .errno(ENODEV), operation: operation, subject: name.text, message: "there is no such device")
        }
        request.flood(add: add, index: index, to: destination)
        do throws(KernelError) { try netlink.acknowledge() } catch  where add && error.errno == EEXIST {
            return
        } catch  where !add && (error.errno == ENOENT || error.errno == ENODEV) {
            return
        } catch {
            throw error.error(operation, name.text)
        }
    }

    private func add(_ address: InterfaceAddress, to name: InterfaceName) throws(NodeError) {
        let operation = "add address \(address.address)/\(address.length) to"
        let index = try index(name, for: operation, name)
        request.address(add: true, index: index, address)
        do throws(KernelError) { try netlink.acknowledge() } catch  where error.errno == EEXIST {
            // The kernel compares the address alone. With another length it is not what was asked for.
            guard try observeAddresses(index: index).contains(address) else { throw error.error(operation, name.text) }
        } catch {
            throw error.error(operation, name.text)
        }
    }

    private func remove(_ address: InterfaceAddress, from name: InterfaceName) throws(NodeError) {
        guard let index = context.index(of: name) else { return }
        request.address(add: false, index: index, address)
        do throws(KernelError) { try netlink.acknowledge() } catch
            where error.errno == EADDRNOTAVAIL || error.errno == ENODEV
        {
            return
        } catch {
            throw error.error("remove address \(address.address)/\(address.length) from", name.text)
        }
    }

    private func observeAddresses(index: Int32) throws(NodeError) -> Set<InterfaceAddress> {
        request.getAddresses(family: AF_UNSPEC, index: index)
        do throws(KernelError) {
            return try netlink.dump([]) { addresses, message in
                guard let answer = AddressAnswer(message), answer.index == index else { return }
                addresses.insert(answer.address)
            }
        } catch {
            throw error.error("observe", "addresses")
        }
    }
}
