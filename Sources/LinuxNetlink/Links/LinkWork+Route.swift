import Addressing
import CMnl
import Glibc
import NetworkPlanning
import NodePorts

/// Routes of KC's, and whether the routers that they lead to are there.
extension LinkWork {
    func add(_ route: Route) throws(NodeError) {
        var index: Int32?
        if let name = route.device { index = try self.index(name, for: "add route through", name) }
        request.route(add: true, route, index: index)
        do throws(KernelError) { try netlink.acknowledge() } catch  where error.errno == EEXIST {
            // Somebody's route with that destination and metric: ours is a success, another's is in the way.
            guard try routes().contains(route) else { throw error.error("add route", route.description) }
        } catch {
            throw error.error("add route", route.description)
        }
        if route.destination == Route.everywhere, let name = route.device { watchClosely(name) }
    }

    func remove(_ route: Route) throws(NodeError) {
        // Without the device its routes are gone.
        let index = route.device.flatMap { context.index(of: $0) }
        guard route.device == nil || index != nil else { return }
        request.route(add: false, route, index: index)
        do throws(KernelError) { try netlink.acknowledge() } catch  where error.errno == ESRCH || error.errno == ENODEV
        {
            return
        } catch {
            throw error.error("remove route", route.description)
        }
    }

    /// Those of KC's in the main table, of both families.
    func routes() throws(NodeError) -> Set<Route> {
        var observed = ObservedLinks()
        do throws(KernelError) { try collectRoutes(into: &observed) { context.name(of: $0) } } catch {
            throw error.error("observe", "routes")
        }
        return observed.routes
    }

    /// Neighbor Unreachability Detection of a router that everything goes through shall take seconds, not the better part
    /// of a minute. Only in namespaces that KC made are default routes KC's.
    private func watchClosely(_ name: InterfaceName) {
        for (setting, value) in [
            ("base_reachable_time_ms", "2000"), ("delay_first_probe_time", "1"), ("retrans_time_ms", "300"),
        ] {
            do throws(KernelError) {
                try DeviceFiles.write(value, to: "/proc/sys/net/ipv6/neigh/\(name.text)/\(setting)")
            } catch {}  // then it takes the kernel's own times, and nothing else is different
        }
    }

    /// Whether a next hop answers, as far as the kernel knows; asks it to find out. Waits for the first answer of one that
    /// nobody has asked for yet, so that a router that is there does not seem away.
    func isAnswering(_ address: IPv6Address, index: Int32) throws(KernelError) -> Bool {
        let before = try neighbourState(address, index)
        // An entry that somebody put there by hand is an answer; to use it would make an ordinary one of it (__neigh_update).
        if let before, before & (NUD_PERMANENT | NUD_NOARP) != 0 { return true }
        request.useNeighbour(address, index: index)
        do throws(KernelError) { try netlink.acknowledge() } catch { return false }
        guard before == nil || before == NUD_NONE else { return try isValid(neighbourState(address, index)) }
        for _ in 0..<Self.firstAnswerMilliseconds {
            if try isValid(neighbourState(address, index)) { return true }
            usleep(1000)
        }
        return false
    }

    private static let firstAnswerMilliseconds = 20

    /// nil when there is no entry.
    private func neighbourState(_ address: IPv6Address, _ index: Int32) throws(KernelError) -> Int32? {
        request.getNeighbour(address, index: index)
        do throws(KernelError) { return try netlink.get(LinuxNetlink.neighbourState) } catch
            where error.errno == ENOENT || error.errno == ENODEV
        {
            return nil
        }
    }

    private func isValid(_ state: Int32?) -> Bool {
        guard let state else { return false }
        let valid = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP
        return state & valid != 0
    }
}
