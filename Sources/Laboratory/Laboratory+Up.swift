import Resources

extension Laboratory {
    /// Says one line of progress to people.
    package typealias Progress = @Sendable (String) -> Void

    /// Makes the machines and the underlay, without any program of KC.
    ///
    /// - Throws: `exists` when it is up already. After any other failure what was made is taken away again.
    package func makeMachines(progress: Progress = { _ in }) async throws(LaboratoryError) {
        let names = topology.links.map(\.name) + topology.machines
        let record = LaboratoryState.Record(
            folder: folder.path, token: Self.randomToken(), namespaces: names.map(state.namespace(of:)))
        try await refuseForeignNames(record.namespaces)
        try state.begin(record)
        do throws(LaboratoryError) { try await make(record, progress) } catch {
            let cause = error
            do throws(LaboratoryError) { try await down() } catch {
                throw LaboratoryError(
                    cause.code, operation: cause.operation, subject: cause.subject,
                    message: "\(cause.message); and what was made could not be taken away: \(error)")
            }
            throw cause
        }
    }

    private func make(_ record: LaboratoryState.Record, _ progress: Progress) async throws(LaboratoryError) {
        var switches: [Name: UnderlaySwitch] = [:]
        for link in topology.links {
            progress(
                "link \(link.name): \(link.prefix), MTU \(link.mtu), multicast \(link.multicast ? "carried" : "dropped")"
            )
            let one = UnderlaySwitch(namespace: state.namespace(of: link.name), link: link)
            try await one.make()
            switches[link.name] = one
        }
        var machines: [Name: Machine] = [:]
        for name in topology.machines {
            machines[name] = try await Machine.make(name, state: state, token: record.token)
        }
        for leg in topology.legs {
            guard let machine = machines[leg.machine], let underlay = switches[leg.link] else { continue }
            progress("machine \(leg.machine): \(leg.interface) \(leg.address) on \(leg.link)")
            try await underlay.connect(leg, of: machine)
        }
        for (name, machine) in machines {
            for route in topology.routes(of: name) {
                try await machine.ip("route", "add", "\(route.prefix)", "via", "\(route.gateway)")
            }
        }
        for host in topology.hosts {
            guard let machine = machines[host.name] else { continue }
            for cable in host.cables {
                guard let router = machines[cable.router] else { continue }
                try await machine.connect(cable, to: router)
            }
            try await machine.prepare(host)
            for guest in host.guests { try await machine.addGuest(guest) }
        }
        for outside in topology.outside {
            guard let machine = machines[outside.name], let router = machines[outside.router] else { continue }
            progress("machine \(outside.name): eth0 \(outside.address), IPv4 alone")
            try await machine.connect(outside, to: router)
        }
        // Their routes may lead through cables.
        for router in topology.routers {
            guard let machine = machines[router.name] else { continue }
            try await start(router, on: machine, progress)
        }
    }

    private func start(
        _ router: UnderlayRouter, on machine: Machine, _ progress: Progress
    ) async throws(LaboratoryError) {
        try await machine.setSysctl("net/ipv6/conf/all/forwarding", "1")
        for route in router.routes {
            try await machine.ip("route", "add", "\(route.prefix)", "via", "\(route.gateway)")
        }
        if !router.ipv4Routes.isEmpty || topology.outside.contains(where: { $0.router == router.name }) {
            try await machine.setSysctl("net/ipv4/ip_forward", "1")
        }
        for route in router.ipv4Routes {
            try await machine.ip("route", "add", "\(route.prefix)", "via", "\(route.gateway)")
        }
        guard router.multicast else { return }
        progress(
            "router \(router.name): forwards multicast between \(router.legs.map(\.link.text).joined(separator: ", "))")
        let folder = machine.directory
        try writeText(MulticastRouting.configuration(of: router), to: "\(folder)/smcroute.conf")
        try machine.start(
            role: "smcrouted", "smcrouted",
            [
                "-n", "-N", "-f", "\(folder)/smcroute.conf", "-P", "\(folder)/smcroute.pid", "-u",
                "\(folder)/smcroute.sock",
            ])
        // smcrouted writes its pid file once its routes stand.
        try await eventually("start", "smcrouted on \(router.name)", within: .seconds(10)) {
            procText("\(folder)/smcroute.pid") != nil
        }
    }

    /// Namespaces of these names that nobody recorded belong to someone else.
    private func refuseForeignNames(_ names: [String]) async throws(LaboratoryError) {
        let present = Set(try await Self.namespaces())
        if let taken = names.first(where: present.contains), !state.exists {
            throw LaboratoryError(
                .exists, operation: "make namespace", subject: taken,
                message: "one of this name exists and is not of this laboratory; 'ip netns delete \(taken)' removes it")
        }
    }

    /// The names that `ip netns list` shows.
    package static func namespaces() async throws(LaboratoryError) -> [String] {
        try await Command("ip", ["netns", "list"]).check("list", "namespaces")
            .split(separator: "\n").compactMap { $0.split(separator: " ").first.map(String.init) }
    }

    private static func randomToken() -> String {
        base36(UInt64.random(in: 0...UInt64.max))
    }

    private static func base36(_ value: UInt64) -> String { String(value, radix: 36) }
}
