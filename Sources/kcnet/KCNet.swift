import ArgumentParser
import Commands
import Documents

/// Layer 7. The network engineer's command: parses the command line, asks the API, prints.
@main
struct KCNet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kcnet",
        abstract: "Networks of KC: segments, attachments, gateways, and what they stand on.",
        discussion: """
            The API is found by --api, KC_API, ~/.config/kc/config.json, or at /run/kc/api.sock.
            A token comes from KC_TOKEN, KC_TOKEN_FILE, --token-file or the configuration file; root needs none on the socket.

            Exit codes: 0 done; 1 failed; 2 the command line or a file cannot be understood; 3 not found;
            4 conflict, or changed meanwhile; 5 refused (who you are); 6 the API cannot be reached; 7 --wait ran out of time.
            `kcnet path` ends with 20 or more for a broken layer, `kcnet trace` with 30 or 31 (see their --help).

            Shell completions: kcnet --generate-completion-script bash|zsh|fish
            """,
        version: "kcnet \(Version.text)",
        subcommands: [Login.self, WhoAmI.self, VersionCommand.self],
        groupedSubcommands: [
            CommandGroup(
                name: "Resources",
                subcommands: [
                    KindCommand<SegmentFlags>.self, KindCommand<AttachmentFlags>.self, KindCommand<PolicyFlags>.self,
                    KindCommand<GatewayFlags>.self, KindCommand<MappingFlags>.self, KindCommand<ZoneFlags>.self,
                    KindCommand<RecordFlags>.self, KindCommand<ServiceFlags>.self,
                    KindCommand<HostFlags>.self, KindCommand<PoolFlags>.self, KindCommand<UnderlayFlags>.self,
                    KindCommand<ProjectFlags>.self, KindCommand<TokenFlags>.self,
                ]),
            CommandGroup(name: "Files", subcommands: [Apply.self, Export.self]),
            CommandGroup(
                name: "Diagnosis",
                subcommands: [
                    PathCommand.self, TraceCommand.self, WhyCommand.self, CaptureCommand.self, TopologyCommand.self,
                    Drops.self,
                    Explain.self, Leases.self,
                    Routes.self,
                ]),
            CommandGroup(name: "Help", subcommands: [Doctor.self, SupportBundle.self, LabCommand.self]),
        ])

    static func main() async {
        await Program("kcnet", kinds: .network).main(Self.self) { Shortcut.command($0) }
    }
}
