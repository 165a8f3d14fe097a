import ArgumentParser
import Commands

/// Layer 7. The command of whoever runs VMs: parses the command line, asks the API, prints.
@main
struct KC: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kc",
        abstract: "VMs of KC: their images, machine types and hosts. The networks below them are `kcnet`'s.",
        discussion: """
            kc vm create web --image debian-12 --network blue --type small --ssh-key ~/.ssh/id_ed25519.pub --wait

            The API is found by --api, KC_API, ~/.config/kc/config.json, or at /run/kc/api.sock.
            A token comes from KC_TOKEN, KC_TOKEN_FILE, --token-file or the configuration file; root needs none on the socket.
            `kc login` keeps both, for kcnet too.

            Exit codes: 0 done; 1 failed; 2 the command line or a file cannot be understood; 3 not found;
            4 conflict, or changed meanwhile; 5 refused (who you are); 6 the API cannot be reached; 7 --wait ran out of time.

            Shell completions: kc --generate-completion-script bash|zsh|fish
            """,
        version: "kc \(Version.text)",
        subcommands: [Login.self, WhoAmI.self, VersionCommand.self],
        groupedSubcommands: [
            CommandGroup(
                name: "Resources",
                subcommands: [
                    KindCommand<MachineFlags>.self, KindCommand<ImageFlags>.self, KindCommand<MachineTypeFlags>.self,
                    KindCommand<ComputeHostFlags>.self,
                ]),
            CommandGroup(name: "Files", subcommands: [Apply.self, Export.self]),
        ])

    static func main() async {
        await Program("kc", kinds: .compute).main(Self.self)
    }
}
