package import ArgumentParser
import Documents
import Resources

/// `kcnet segment`, `kcnet attachment`, …: the same verbs for every kind.
package struct KindCommand<Flags: KindFlags>: AsyncParsableCommand {
    package static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: Flags.command, abstract: Flags.abstract,
            subcommands: Flags.commonCommands + Flags.furtherCommands,
            aliases: Flags.aliases)
    }

    package init() {}
}
