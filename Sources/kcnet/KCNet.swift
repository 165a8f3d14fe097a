import APIClient
import ArgumentParser

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
        do {
            APIClient.shareOneThread()
            var command = try command(Arguments.expanded(Array(CommandLine.arguments.dropFirst())))
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch { exit(afterwards: error) }
    }

    private static func command(_ arguments: [String]) throws -> any ParsableCommand {
        if let command = Shortcut.command(arguments) { return command }
        return try parseAsRoot(arguments)
    }

    /// ArgumentParser ends a wrong command line with 64 (EX_USAGE); ours is 2, everything else as it says.
    private static func exit(afterwards error: any Error) -> Never {
        guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
        Terminal.error(fullMessage(for: error))
        exit(withError: ExitCode(ExitStatus.usage.rawValue))
    }
}

/// What a command line may say shorter than ArgumentParser understands.
enum Arguments {
    /// `--wait` alone means the default time; `--wait 30` and `--wait=30` name another.
    static func expanded(_ arguments: [String]) -> [String] {
        arguments.enumerated().map { index, argument in
            guard argument == "--wait" else { return argument }
            let next = index + 1 < arguments.count ? arguments[index + 1] : ""
            return next.isEmpty || !next.allSatisfy(\.isNumber) ? "--wait=\(WaitOptions.defaultSeconds)" : argument
        }
    }
}
