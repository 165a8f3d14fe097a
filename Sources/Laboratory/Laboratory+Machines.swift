package import Resources

extension Laboratory {
    /// A machine of a laboratory that is up.
    /// - Throws: `absent` when the laboratory is not up, has no such machine, or its keeper has ended.
    package func machine(_ name: Name) throws(LaboratoryError) -> Machine {
        _ = try state.read()
        guard topology.machines.contains(name) else {
            throw LaboratoryError(
                .absent, operation: "find machine", subject: name.text,
                message: "the machines are \(topology.machines.map(\.text).joined(separator: ", "))")
        }
        let directory = state.directory(of: name)
        let keeper: ProcessIdentity = try readRecord("\(directory)/keeper.json")
        guard keeper.isRunning else {
            throw LaboratoryError(
                .absent, operation: "enter", subject: name.text,
                message: "its keeper has ended; take the laboratory down and up again")
        }
        return Machine(name: name, namespace: state.namespace(of: name), directory: directory, keeper: keeper)
    }

    /// The same by text, as a command line gives it.
    package func machine(named text: String) throws(LaboratoryError) -> Machine {
        guard let name = Name(text) else {
            throw LaboratoryError(.invalid, operation: "find machine", subject: text, message: Name.rule)
        }
        return try machine(name)
    }

    /// What runs and what does not.
    package struct MachineStatus: Hashable, Sendable {
        package var name: Name
        package var isUp: Bool
        /// Role and whether it runs, in the order of their names.
        package var daemons: [Daemon]

        package struct Daemon: Hashable, Sendable {
            package var role: String
            package var pid: Int32
            package var isRunning: Bool
        }
    }

    package func status() throws(LaboratoryError) -> [MachineStatus] {
        _ = try state.read()
        var all: [MachineStatus] = []
        for name in topology.machines {
            let machine: Machine
            do throws(LaboratoryError) { machine = try self.machine(name) } catch {
                // Not up is what this is to say.
                all.append(MachineStatus(name: name, isUp: false, daemons: []))
                continue
            }
            let daemons = try machine.daemons().map {
                MachineStatus.Daemon(role: $0.role, pid: $0.process.pid, isRunning: $0.process.isRunning)
            }
            all.append(MachineStatus(name: name, isUp: true, daemons: daemons))
        }
        return all
    }
}
