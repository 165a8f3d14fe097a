import Addressing
package import NetworkModel
package import Resources

/// One machine of a laboratory that is up: a network namespace with a name in the outer world, and a mount namespace
/// with its own /run/netns, /run/kc and /var/lib/kc that a small keeper process holds.
package struct Machine: Hashable, Sendable {
    package let name: Name
    /// Its network namespace's name in the outer world.
    package let namespace: String
    /// Its folder in the outer world; `run` and `lib` in it are its /run/kc and /var/lib/kc, `log` holds its logs.
    package let directory: String
    package let keeper: ProcessIdentity

    package init(name: Name, namespace: String, directory: String, keeper: ProcessIdentity) {
        self.name = name
        self.namespace = namespace
        self.directory = directory
        self.keeper = keeper
    }

    /// The arguments of `nsenter` that lead into both namespaces.
    package var entrance: [String] { ["--target", "\(keeper.pid)", "--net", "--mount", "--"] }

    /// A program inside the machine. Its working directory is `/`.
    package func command(
        _ program: String, _ arguments: [String], input: [UInt8] = [], timeout: Duration = .seconds(30)
    ) -> Command {
        Command("nsenter", entrance + [program] + arguments, input: input, timeout: timeout)
    }

    /// A program inside one of the machine's guests.
    package func command(
        inGuest guest: NamespaceName, _ program: String, _ arguments: [String], input: [UInt8] = [],
        timeout: Duration = .seconds(30)
    ) -> Command {
        command(
            "nsenter", ["--net=/run/netns/\(guest)", "--", program] + arguments, input: input, timeout: timeout)
    }

    /// `ip` inside the machine, demanded to succeed.
    @discardableResult
    package func ip(_ arguments: String...) async throws(LaboratoryError) -> String {
        try await command("ip", arguments).check("configure", namespace)
    }

    /// Sets one sysctl by writing its file, from inside the namespace it belongs to.
    package func setSysctl(_ path: String, _ value: String, inGuest guest: NamespaceName? = nil)
        async throws(LaboratoryError)
    {
        let arguments = ["/proc/sys/" + path]
        let input = Array(value.utf8)
        let command =
            if let guest { command(inGuest: guest, "tee", arguments, input: input) } else {
                command("tee", arguments, input: input)
            }
        try await command.check("set \(path) in", guest?.text ?? namespace)
    }
}
