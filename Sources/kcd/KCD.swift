import ArgumentParser

/// Layer 7. The daemon of KC: the API server, the node agent, and what an operator does beside them.
@main
struct KCD: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kcd",
        abstract: "KC's daemon: the API server and the node agent of an IPv6-first network controller.",
        discussion: """
            One machine:   kcd api &            serves /run/kc/api.sock; state in /var/lib/kc
                           kcnet segment list   talks to that socket as root

            More machines: kcd api --listen [2001:db8::1]:8440    TLS, with a certificate it makes itself
                           kcd token create                       prints the line to run on the next machine

            Exit codes: 0 done; 1 it failed, and says why; 64 the command line cannot be understood.
            """,
        version: "0.1.0",
        subcommands: [
            APICommand.self, TokenCommand.self, BackupCommand.self, RestoreCommand.self, NodeCommand.self,
            JoinCommand.self,
        ])
}
