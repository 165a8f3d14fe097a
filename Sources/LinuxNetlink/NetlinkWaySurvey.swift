package import Addressing
import CMnl
import Glibc
package import NetworkModel
import NetworkPlanning
package import NodePorts

/// Looks at single ways in the agent's own namespace.
package struct NetlinkWaySurvey: WaySurvey {
    private let threads: NamespaceThreads

    package init(threads: NamespaceThreads) { self.threads = threads }

    package func way(
        to peer: IPv6Address, from own: IPv6Address, by interface: InterfaceName
    ) async throws(NodeError) -> UnderlayFinding {
        try await threads.thread(for: nil).run { context throws(NodeError) in
            let work = LinkWork(context: context)
            do throws(KernelError) {
                let route = try work.route(to: peer, from: own)
                let device = route?.indexes.first
                let neighbour = try device.map { index throws(KernelError) in
                    try work.neighbour(route?.nextHop ?? peer, index: index)
                }
                return UnderlayFinding(
                    hasAddress: try work.canSend(from: own, by: interface),
                    routeInterface: device.flatMap { context.name(of: $0) }, nextHop: route?.nextHop,
                    neighbour: neighbour?.state ?? .none, neighbourMAC: neighbour?.mac,
                    ownMAC: try work.mac(of: interface), routeMTU: route?.mtu)
            } catch {
                throw error.error("observe the way to", "\(peer)")
            }
        }
    }

    package func entries(
        of macs: Set<MACAddress>, bridge: InterfaceName, tunnel: InterfaceName
    ) async throws(NodeError) -> Set<ForwardingFinding> {
        try await threads.thread(for: nil).run { context throws(NodeError) in
            let work = LinkWork(context: context)
            do throws(KernelError) {
                var found: Set<ForwardingFinding> = []
                for mac in macs {
                    for (name, isBridge) in [(bridge, true), (tunnel, false)] {
                        guard let index = context.index(of: name),
                            let entry = try work.entry(of: mac, index: index, isBridge: isBridge),
                            let device = context.name(of: entry.index)
                        else { continue }
                        found.insert(ForwardingFinding(device: device, mac: mac, destination: entry.destination))
                    }
                }
                return found
            } catch {
                throw error.error("observe entries of", bridge.text)
            }
        }
    }

    package func hasJoined(_ group: IPv6Address, on interface: InterfaceName) async throws(NodeError) -> Bool {
        try await threads.thread(for: nil).run { context throws(NodeError) in
            guard let index = context.index(of: interface) else { return false }
            context.netlink.request.getGroups()
            do throws(KernelError) {
                return try context.netlink.dump(false) { found, message in
                    guard let answer = GroupAnswer(message) else { return }
                    if answer.index == index, answer.group == group { found = true }
                }
            } catch {
                throw error.error("observe groups of", interface.text)
            }
        }
    }

    package func refusedFrames(at port: InterfaceName) async throws(NodeError) -> UInt64 {
        try await threads.thread(for: nil).run { context throws(NodeError) in
            let index = try LinkWork(context: context).index(port, for: "observe counters of", port)
            context.netlink.request.getCounters(index: index)
            do throws(KernelError) { return try context.netlink.get { CounterAnswer($0)?.refused } ?? 0 } catch {
                throw error.error("observe counters of", port.text)
            }
        }
    }
}

extension LinkWork {
    /// nil when the kernel would not send there.
    fileprivate func route(to peer: IPv6Address, from own: IPv6Address) throws(KernelError) -> RouteAnswer? {
        request.getRoute(to: peer, from: own)
        do throws(KernelError) {
            let answer = try netlink.get { RouteAnswer($0) }
            return answer?.isUnreachable == true ? nil : answer
        } catch  where [ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL].contains(error.errno) {
            // EINVAL: a route of type blackhole, or a source that is no address of this host.
            return nil
        }
    }

    /// Whether the address is there, and has passed duplicate address detection.
    fileprivate func canSend(from own: IPv6Address, by interface: InterfaceName) throws(KernelError) -> Bool {
        guard let index = context.index(of: interface) else { return false }
        request.getAddresses(family: AF_INET6, index: index)
        return try netlink.dump(false) { found, message in
            guard let answer = AddressAnswer(message), answer.index == index, answer.address.address == own,
                let header = message.header(ifaddrmsg.self)
            else { return }
            let unusable = UInt8(IFA_F_TENTATIVE | IFA_F_DADFAILED)
            if header.ifa_flags & unusable == 0 || header.ifa_flags & UInt8(IFA_F_OPTIMISTIC) != 0 { found = true }
        }
    }

    fileprivate func neighbour(
        _ address: IPv6Address, index: Int32
    ) throws(KernelError) -> (state: UnderlayFinding.Neighbour, mac: MACAddress?) {
        request.getNeighbour(address, index: index)
        do throws(KernelError) {
            let found = try netlink.get { message in neighbourState(message).map { ($0, neighbourMAC(message)) } }
            guard let (state, mac) = found else { return (.none, nil) }
            return switch state {
            case _ where state & (NUD_PERMANENT | NUD_NOARP) != 0: (.fixed, mac)
            case _ where state & NUD_FAILED != 0: (.failed, nil)
            case _ where state & NUD_INCOMPLETE != 0: (.incomplete, nil)
            case _ where state & NUD_REACHABLE != 0: (.reachable, mac)
            case _ where state & (NUD_STALE | NUD_DELAY | NUD_PROBE) != 0: (.stale, mac)
            default: (.none, nil)
            }
        } catch  where error.errno == ENOENT || error.errno == ENODEV {
            return (.none, nil)
        }
    }

    /// nil when there is no such device.
    fileprivate func mac(of interface: InterfaceName) throws(KernelError) -> MACAddress? {
        request.getLink(interface)
        do throws(KernelError) { return try netlink.get { LinkAnswer($0)?.mac } } catch  where error.errno == ENODEV {
            return nil
        }
    }

    fileprivate func entry(of mac: MACAddress, index: Int32, isBridge: Bool) throws(KernelError) -> ForwardingAnswer? {
        request.getForwardingEntry(mac, device: index, isBridge: isBridge)
        do throws(KernelError) { return try netlink.get { ForwardingAnswer($0) } } catch
            where [ENOENT, ENODEV, EOPNOTSUPP, EINVAL].contains(error.errno)
        {
            // Not a bridge or VXLAN device any more.
            return nil
        }
    }
}
