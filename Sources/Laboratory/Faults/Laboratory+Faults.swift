import APIClient
import FoundationEssentials
import Glibc
import NetworkModel
package import Resources

extension Laboratory {
    private var faultFolder: String { state.directory + "/faults" }

    /// Brings a fault about.
    /// - Parameters:
    ///   - attachment: where; nil: the first attachment with a guest that has a peer on another host.
    ///   - peer: the other end of what the fault disturbs; nil: one on another host.
    /// - Throws: `exists` when it is there already; after any other error nothing of it is left.
    package func `break`(
        _ fault: Fault, project: Name, attachment: Name?, peer: Name?
    ) async throws(LaboratoryError) -> FaultRecord {
        guard try faults().allSatisfy({ $0.name != fault.name }) else {
            throw LaboratoryError(
                .exists, operation: "break", subject: fault.name,
                message: "it is there already; 'kcnet lab heal \(state.instance) \(fault.name)' takes it away")
        }
        let client = try client()
        let scene: FaultScene
        do throws(LaboratoryError) {
            scene = try FaultScene(
                topology, try await ResourceView.read(client, projects: [project]), project: project,
                attachment: attachment, peer: peer)
        } catch {
            await client.shutdown()
            throw error
        }
        await client.shutdown()
        let script = try fault.script(scene)
        let record = FaultRecord(
            name: fault.name, attachment: scene.here.attachment, host: scene.here.host.name, heal: script.heal)
        // Before anything is done, so that it can be healed after a crash at any moment.
        try makeFolder(faultFolder)
        try writeText(String(decoding: record.json, as: UTF8.self), to: file(of: fault.name))
        do throws(LaboratoryError) { for step in script.inject { try await carryOut(step) } } catch {
            // Whatever was done of it is taken away; what was not, cannot be.
            _ = try await heal(record)
            throw error
        }
        return record
    }

    /// What is in it now, by name.
    package func faults() throws(LaboratoryError) -> [FaultRecord] {
        _ = try state.read()
        guard FileManager.default.fileExists(atPath: faultFolder) else { return [] }
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: faultFolder) } catch {
            throw LaboratoryError(.file, operation: "list", subject: faultFolder, message: "\(error)")
        }
        var records: [FaultRecord] = []
        for name in names.sorted() { records.append(try readRecord("\(faultFolder)/\(name)")) }
        return records
    }

    /// Takes a fault away: every step is tried, whatever became of the others.
    /// - Returns: what of it could not be done, for people.
    package func heal(_ record: FaultRecord) async throws(LaboratoryError) -> [String] {
        var complaints: [String] = []
        for step in record.heal {
            do throws(LaboratoryError) { try await carryOut(step) } catch { complaints.append(error.description) }
        }
        guard unlink(file(of: record.name)) == 0 else {
            throw LaboratoryError(
                .file, operation: "remove", subject: file(of: record.name), message: String(cString: strerror(errno)))
        }
        return complaints
    }

    private func file(of fault: String) -> String { "\(faultFolder)/\(fault)" }

    func carryOut(_ step: FaultStep) async throws(LaboratoryError) {
        switch step {
        case .run(let place, let words, let input):
            try await command(in: place, words, input: Array(input.utf8)).check("do", words.joined(separator: " "))
        case .signal(let number, let role, let name):
            guard let daemon = try machine(name).daemon(role), daemon.process.signal(number) else {
                throw LaboratoryError(.absent, operation: "signal", subject: "\(role) on \(name)")
            }
        case .kill(let role, let name): try await machine(name).stop(role, signal: SIGKILL)
        case .restart(let role, let name, let shift): try machine(name).restart(role, clockShift: shift)
        case .killAll(let program, let namespace, let name):
            try await killAll(program, in: namespace, on: machine(name))
        case .pause(let host): try await setPaused(host, true)
        case .resume(let host): try await setPaused(host, false)
        case .makePolicy(let name, let project): try await makePolicy(name, in: project)
        case .removePolicy(let name, let project): try await removePolicy(name, in: project)
        case .usePolicies(let names, let attachment, let project):
            try await setPolicies(names, of: attachment, in: project)
        }
    }

    private func command(
        in place: FaultPlace, _ words: [String], input: [UInt8]
    ) throws(LaboratoryError) -> Command {
        let arguments = Array(words.dropFirst())
        switch place {
        case .machine(let name): return try machine(name).command(words[0], arguments, input: input)
        case .guest(let guest, let name):
            return try machine(name).command(inGuest: guest, words[0], arguments, input: input)
        case .link(let name):
            let namespace = "--net=/run/netns/\(state.namespace(of: name))"
            return Command("nsenter", [namespace, "--"] + words, input: input)
        }
    }

    private func killAll(
        _ program: String, in namespace: NamespaceName, on machine: Machine
    ) async throws(LaboratoryError) {
        let pids = try await machine.ip("netns", "pids", namespace.text).split(separator: "\n").compactMap { Int32($0) }
        let victims = pids.compactMap { ProcessIdentity(pid: $0) }
            .filter { procText("/proc/\($0.pid)/comm") == program + "\n" }
        guard !victims.isEmpty else {
            throw LaboratoryError(
                .absent, operation: "kill", subject: program, message: "it does not run in \(namespace)")
        }
        for victim in victims { victim.signal(SIGKILL) }
    }
}
