package import APIClient
import Addressing
import FoundationEssentials
import NetworkModel
import Resources

extension Laboratory {
    /// Starts the API on its machine and an agent on every host, each joined over the underlay with TLS and a token of
    /// its own, as real machines would be.
    package func startControlPlane(
        _ programs: Programs, progress: Progress = { _ in }
    ) async throws(LaboratoryError) {
        try await startAPI(programs, progress: progress)
        for host in topology.hosts {
            try await join(host, programs)
            try startAgent(host, programs)
            progress("host \(host.name): joined, agent started")
        }
        try await waitForHosts()
        progress("all hosts are up")
    }

    /// Waits until the API has heard of every agent.
    private func waitForHosts() async throws(LaboratoryError) {
        guard let project = Name("default") else { return }
        let client = try client()
        var missing: [Name] = []
        do throws(LaboratoryError) {
            try await eventually("start", "the agents", within: .seconds(20)) { () throws(LaboratoryError) in
                let view = try await ResourceView.read(client, projects: [project])
                missing = topology.hosts.map(\.name).filter { view.host($0)?.status?["phase"]?.string != "up" }
                return missing.isEmpty
            }
        } catch {
            await client.shutdown()
            guard error.code == .timeout else { throw error }
            var logs: [String] = []
            for name in missing { logs.append("\(name): \(lastLines(try machine(name).log(of: "node")))") }
            throw LaboratoryError(
                .timeout, operation: "start", subject: "the agents", message: logs.joined(separator: "\n"))
        }
        await client.shutdown()
    }

    /// Starts the API, in a cluster with all its servers, and waits until it is ready.
    package func startAPI(_ programs: Programs, progress: Progress = { _ in }) async throws(LaboratoryError) {
        try await startEtcd(progress: progress)
        for (name, leg) in apiMachines.compactMap({ name in
            topology.legs.first { $0.machine == name }.map { (name, $0) }
        }) {
            let machine = try machine(name)
            if name.text != Topology.apiMachine { try await shareAuthority(with: name) }
            try machine.start(
                role: "api", programs.kcd,
                ["api", "--listen", "[\(leg.address)]:\(topology.api.port)"] + storeArguments)
            try await waitForAPI(on: name.text)
        }
        progress("api: \(apiAddress), and \(state.apiSocket)")
    }

    /// Waits until a server of the API answers that it is ready.
    package func waitForAPI(
        on name: String = Topology.apiMachine, within limit: Duration = .seconds(20)
    ) async throws(LaboratoryError) {
        let machine = try machine(named: name)
        let client = try client(of: name)
        var last = ""
        do throws(LaboratoryError) {
            try await eventually("start", "the API", within: limit) { () throws(LaboratoryError) in
                do {
                    _ = try await client.send(APIRequest(.get, ["readyz"], timeout: .seconds(2)))
                    return true
                } catch {
                    last = "\(error)"
                    guard let daemon = try machine.daemon("api"), daemon.process.isRunning else {
                        throw LaboratoryError(
                            .program, operation: "start", subject: "the API",
                            message: "it ended: \(lastLines(machine.log(of: "api")))")
                    }
                    return false
                }
            }
        } catch {
            await client.shutdown()
            guard error.code == .timeout else { throw error }
            throw LaboratoryError(.timeout, operation: "reach", subject: "the API", message: last)
        }
        await client.shutdown()
    }

    /// An administrator's client, through the Unix socket from the outer world. `shutdown` must be called at the end.
    /// - Parameter name: the machine of a server.
    package func client(of name: String = Topology.apiMachine) throws(LaboratoryError) -> APIClient {
        let socket = "\(state.directory)/\(name)/run/api.sock"
        do { return try APIClient(endpoint: try Endpoint(parsing: "unix:\(socket)")) } catch {
            throw LaboratoryError(.invalid, operation: "reach", subject: socket, message: "\(error)")
        }
    }

    /// Makes the machine a host of KC: a fresh token, and `kcd join` run on it.
    package func join(_ host: LabHost, _ programs: Programs) async throws(LaboratoryError) {
        let token = try await joinToken()
        let roles = host.roles.flatMap { ["--role", $0.rawValue] }
        let join = try machine(host.name).command(
            programs.kcd,
            [
                "join", apiAddress, token, "--name", host.name.text, "--vtep", "\(host.address)", "--interface",
                host.interface.text,
            ] + roles)
        // The Unix socket, at which the API was asked whether it is ready, may listen a moment before the address.
        try await eventually("join", host.name.text, within: .seconds(10)) { () throws(LaboratoryError) in
            let result = try await join.run()
            if result.isSuccess { return true }
            guard result.complaint.contains("nothing listens there") else {
                throw LaboratoryError(
                    .program, operation: "join", subject: host.name.text,
                    message: "\(join.description) ended with \(result.status): \(result.complaint)")
            }
            return false
        }
    }

    /// Starts the agent of a joined host.
    package func startAgent(_ host: LabHost, _ programs: Programs) throws(LaboratoryError) {
        try machine(host.name).start(role: "node", programs.kcd, ["node"])
    }

    private func joinToken() async throws(LaboratoryError) -> String {
        let client = try client()
        let request = APIRequest(.post, ["v1", "join-tokens"], body: Array("{}".utf8))
        do {
            let answer = try await client.send(request).json(of: request)
            await client.shutdown()
            guard let token = answer["token"]?.string else {
                throw LaboratoryError(.program, operation: "get", subject: "a join token", message: "there is none")
            }
            return token
        } catch {
            await client.shutdown()
            throw LaboratoryError(.program, operation: "get", subject: "a join token", message: "\(error)")
        }
    }
}

/// For messages: the end of a log, or nothing.
func lastLines(_ file: String) -> String {
    guard let text = procText(file) else { return "" }
    return text.split(separator: "\n").suffix(8).joined(separator: "\n")
}
