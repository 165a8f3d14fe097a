import APIClient
import ArgumentParser
import Commands
import Glibc
import Laboratory
import Resources

/// `kcnet lab`: laboratories of namespaces from `topology/`.
struct LabCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lab", abstract: "Make a laboratory of namespaces from a topology file, and look into it.",
        discussion: """
            TOPOLOGY is the name of a folder under ./topology, or a path to one. A laboratory has real VXLAN between \
            network namespaces, the API on a machine of its own, and an agent on every host. It needs root.
            """,
        subcommands: [
            Up.self, Down.self, Status.self, Exec.self, Check.self, List.self, Break.self, Heal.self, ListFaults.self,
        ])

    /// Which laboratory.
    struct Place: ParsableArguments {
        @Argument(help: "Its folder under ./topology, or a path.", completion: .directory)
        var topology: String

        @Option(help: "Its name, to have one topology up twice. Default: the topology's.")
        var name: String?

        @Option(help: "Where laboratories that are up keep their state.", completion: .directory)
        var stateDir = LaboratoryState.standardRoot

        func folder() throws -> TopologyFolder {
            let isPath = topology.contains("/")
            return try TopologyFolder(path: isPath ? topology : "topology/\(topology)")
        }

        func state(_ standard: String) throws -> LaboratoryState {
            guard let instance = Name(name ?? standard) else {
                throw ValidationError("'\(name ?? standard)' is not a name: it \(Name.rule)")
            }
            return try LaboratoryState(instance: instance, root: stateDir)
        }

        /// Also of one whose folder is gone, or cannot be read any more: that is called as the folder was.
        func lasting() throws -> LaboratoryState {
            let last = topology.split(separator: "/").last.map(String.init) ?? topology
            guard topology.contains("/"), name == nil else { return try state(last) }
            do { return try state(try folder().topology.name.text) } catch { return try state(last) }
        }

        /// One that is up: its folder is known from its state, wherever the command runs.
        func laboratory() throws -> Laboratory {
            if !topology.contains("/") || name != nil {
                let state = try state(topology)
                return Laboratory(folder: try TopologyFolder(path: try state.read().folder), state: state)
            }
            let folder = try folder()
            return Laboratory(folder: folder, state: try state(folder.topology.name.text))
        }
    }
}

extension LabCommand {
    struct Up: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "up", abstract: "Bring it up: machines, underlay, API, agents.")

        @OptionGroup var place: Place

        @Flag(help: "Only the machines and the underlay, no program of KC.")
        var bare = false

        func run() async throws {
            let folder = try place.folder()
            let laboratory = Laboratory(folder: folder, state: try place.state(folder.topology.name.text))
            let programs = bare ? nil : try Programs.besideThisOne()
            try await laboratory.makeMachines { say($0) }
            guard let programs else { return }
            do { try await laboratory.startControlPlane(programs) { say($0) } } catch {
                let cause = error
                // What was made is taken away, whatever failed; its own failure must not hide the cause.
                do { try await laboratory.down() } catch { say("and it could not be taken away: \(error)") }
                throw cause
            }
            let instance = laboratory.state.instance
            let state = place.stateDir == LaboratoryState.standardRoot ? "" : " --state-dir \(place.stateDir)"
            print(
                """
                \(instance) is up.
                  export KC_API=unix:\(laboratory.state.apiSocket)
                  kcnet host list
                  kcnet apply -f \(folder.path)/desired
                  kcnet lab check\(state) \(instance)
                  kcnet lab exec\(state) \(instance) \(folder.topology.hosts[0].name) -- ip -details link
                  kcnet lab down\(state) \(instance)
                """)
        }
    }

    struct Down: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "down", abstract: "End its processes and remove its namespaces, also after a crash.")

        @OptionGroup var place: Place

        func run() async throws {
            try await Laboratory.down(try place.lasting()) { say($0) }
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "status", abstract: "Show its machines and what runs on them.")

        @OptionGroup var place: Place

        func run() async throws {
            let laboratory = try place.laboratory()
            print("\(laboratory.state.instance): \(laboratory.topology.description)")
            var isWell = true
            for machine in try laboratory.status() {
                let daemons = machine.daemons.map { "\($0.role) \($0.isRunning ? "running (\($0.pid))" : "ENDED")" }
                isWell = isWell && machine.isUp && machine.daemons.allSatisfy(\.isRunning)
                print("  \(machine.name)  \(machine.isUp ? "up" : "GONE")  \(daemons.joined(separator: ", "))")
            }
            if !isWell { throw ExitCode(1) }
        }
    }

    struct Exec: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "exec", abstract: "Run a program on one of its machines.",
            discussion: "Enters the machine's network and mount namespaces. A guest is entered with 'ip netns exec'.")

        @OptionGroup var place: Place

        @Argument(help: "A host, a router, or 'api'.")
        var machine: String

        @Argument(parsing: .captureForPassthrough, help: "The program and its arguments. Default: a shell.")
        var command: [String] = []

        func run() async throws {
            let machine = try place.laboratory().machine(named: machine)
            let given = command.drop { $0 == "--" }
            let program = ["nsenter"] + machine.entrance + (given.isEmpty ? ["bash"] : given)
            let arguments: [UnsafeMutablePointer<CChar>?] = program.map { strdup($0) } + [nil]
            // Threads of the runtime's pool block signals, and a mask outlives exec: the program could not be ended.
            var none = sigset_t()
            sigemptyset(&none)
            pthread_sigmask(SIG_SETMASK, &none, nil)
            // Takes this process's place: the program has the terminal and its exit code is ours.
            execvp(program[0], arguments)
            throw ValidationError("cannot start nsenter: \(String(cString: strerror(errno)))")
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check", abstract: "Compare it with its expected/: resources, devices, addresses, pings.")

        @OptionGroup var place: Place

        func run() async throws {
            let laboratory = try place.laboratory()
            let expectations = try Expectations(of: laboratory.folder)
            let client = try laboratory.client()
            let found: [Discrepancy]
            do {
                found = try await ExpectationChecker(laboratory, expectations, client: client).settle()
            } catch {
                await client.shutdown()
                throw error
            }
            await client.shutdown()
            for discrepancy in found { print("  \(discrepancy)") }
            guard found.isEmpty else {
                print("\(laboratory.state.instance): \(found.count) things are not as expected")
                throw ExitCode(1)
            }
            print(
                "\(laboratory.state.instance): all as expected: \(expectations.segments.count) segments, "
                    + "\(expectations.attachments.count) attachments, \(expectations.pings.count) pings, no strays")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List laboratories that are up.")

        @Option(help: "Where laboratories that are up keep their state.", completion: .directory)
        var stateDir = LaboratoryState.standardRoot

        func run() async throws {
            for state in try LaboratoryState.all(root: stateDir) {
                print("\(state.instance)  \(try state.read().folder)")
            }
        }
    }
}
