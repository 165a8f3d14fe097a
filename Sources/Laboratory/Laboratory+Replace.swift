import Glibc
import Resources

extension Laboratory {
    /// Puts a new machine in the place of a host that is lost: nothing of the old one's kernel state is left, and of its
    /// files only those that `keeping` names (paths below /var/lib/kc). Its agent is not started.
    package func replace(_ host: LabHost, keeping: [String] = []) async throws(LaboratoryError) {
        let record = try state.read()
        let old = try machine(host.name)
        try await MachineProcesses(token: record.token, machine: host.name).end(grace: .seconds(3))
        try await Command("ip", ["netns", "delete", old.namespace]).check("delete namespace", old.namespace)
        let kept = "\(state.directory)/kept"
        try makeFolder(kept)
        for (index, file) in keeping.enumerated() { try move("\(old.directory)/lib/\(file)", "\(kept)/\(index)") }
        try removeFolder(old.directory)
        let new = try await Machine.make(host.name, state: state, token: record.token)
        for (index, file) in keeping.enumerated() {
            let target = "\(new.directory)/lib/\(file)"
            try makeFolder(target.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" })
            try move("\(kept)/\(index)", target)
        }
        try removeFolder(kept)
        for leg in topology.legs where leg.machine == host.name {
            guard let link = topology.links.first(where: { $0.name == leg.link }) else { continue }
            let underlay = UnderlaySwitch(namespace: state.namespace(of: link.name), link: link)
            // The switch's port goes with the old machine's end of the cable, but not at once.
            try await eventually("unplug", new.namespace, within: .seconds(10)) { () throws(LaboratoryError) in
                try await !underlay.hasPort(of: leg.machine)
            }
            try await underlay.connect(leg, of: new)
        }
        for route in topology.routes(of: host.name) {
            try await new.ip("route", "add", "\(route.prefix)", "via", "\(route.gateway)")
        }
        for cable in host.cables { try await new.connect(cable, to: machine(cable.router)) }
        try await new.prepare(host)
        for guest in host.guests { try await new.addGuest(guest) }
    }

    private func move(_ from: String, _ to: String) throws(LaboratoryError) {
        guard rename(from, to) == 0 else {
            throw LaboratoryError(.file, operation: "move", subject: from, message: String(cString: strerror(errno)))
        }
    }
}
