import APIClient
import Addressing
import ArgumentParser
import Glibc
import LinuxNetlink
import Logging
import NetworkModel
import NetworkNode
import NetworkPlanning
import NodePorts
import Resources
import SystemService

struct JoinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "join", abstract: "Make this machine a host of the cluster.",
        discussion: "URL and TOKEN come from the join line that the first server printed. The token works once.")

    @Argument(help: "The API's address, https://HOST:PORT.") var url: String
    @Argument(help: "The join token: kcj_<secret>.<fingerprint>.") var token: String
    @Option(help: "The name of the new host.") var name: String
    @Option(help: "The underlay interface.") var interface: String
    @Option(help: "The underlay address. (default: the interface's only global or unique local one)") var vtep: String?
    @Option(
        name: [.customLong("role"), .customLong("roles")],
        help: "What the host may carry: gateway, dns; repeat it, or separate with commas.")
    var roles: [String] = []
    @Option(name: .customLong("state-dir"), help: "Where the agent keeps its state.")
    var stateDirectory = "/var/lib/kc/node"
    @Flag(help: "Join although this machine is a host already.") var force = false

    mutating func run() async throws {
        LineLog.begin(level: .warning)
        guard geteuid() == 0 else {
            throw Failure("kcd join writes the host's credential and needs root; run it with sudo")
        }
        do {
            guard let token = JoinToken(token) else { throw ValidationError("TOKEN \(JoinToken.rule)") }
            guard let name = Name(name) else { throw ValidationError("--name '\(name)' \(Name.rule)") }
            let interface = try InterfaceName(interface)
            let spec = Host.Spec(
                vtep: try await pickVTEP(on: interface), interface: interface, roles: try parsedRoles())
            let membership = try await Joining(
                Endpoint(parsing: url), token: token, folder: StateFolder(path: stateDirectory)
            ).join(name: name, spec: spec, force: force)
            print("this machine is now the host \(membership.name) (\(membership.host)) with the VTEP \(spec.vtep)")
            print("start its agent: kcd node")
        } catch let error as ValidationError { throw error } catch { throw Failure("\(error)") }
    }

    private func parsedRoles() throws -> [HostRole] {
        try roles.flatMap { $0.split(separator: ",") }.map { text in
            guard let role = HostRole(rawValue: String(text)) else {
                throw ValidationError(
                    "--role '\(text)' must be one of \(HostRole.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return role
        }
    }

    /// The address that was given, or the only one that can be meant. It has to be there: a host whose tunnels end nowhere
    /// would have used up the token.
    private func pickVTEP(on interface: InterfaceName) async throws -> IPv6Address {
        let given = try vtep.map { try IPv6Address(parsing: $0) }
        let links = try await NetlinkLinkTable(threads: try NamespaceThreads()).observe(in: nil)
        guard links.links[interface] != nil else {
            throw Failure("the interface \(interface) does not exist; `ip link` lists those that do")
        }
        let usable = (links.addresses[interface] ?? []).map(\.address).filter {
            !$0.isLinkLocal && !$0.isMulticast && !$0.isLoopback && !$0.isIPv4Mapped
        }.sorted()
        let list = usable.map(\.description).joined(separator: ", ")
        if let given {
            guard usable.contains(given) else {
                throw Failure(
                    "--vtep \(given) is no global or unique local address of \(interface), which has "
                        + "\(usable.isEmpty ? "none" : list); `ip address add \(given)/64 dev \(interface)` gives it one"
                )
            }
            return given
        }
        guard usable.count == 1, let only = usable.first else {
            throw Failure(
                usable.isEmpty
                    ? "\(interface) has no global or unique local IPv6 address; give it one"
                    : "\(interface) has several addresses (\(list)): name the one for the underlay with --vtep")
        }
        return only
    }
}
