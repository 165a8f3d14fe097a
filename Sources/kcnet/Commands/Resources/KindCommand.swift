import ArgumentParser
import Documents
import Resources

/// `kcnet segment`, `kcnet attachment`, …: the same verbs for every kind.
struct KindCommand<Flags: KindFlags>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: Flags.description.kind.singular, abstract: Flags.abstract,
            subcommands: [
                CreateCommand<Flags>.self, ListCommand<Flags>.self, ShowCommand<Flags>.self,
                UpdateCommand<Flags>.self, DeleteCommand<Flags>.self, WatchCommand<Flags>.self,
                HistoryCommand<Flags>.self, DiffCommand<Flags>.self, RestoreCommand<Flags>.self,
            ] + Flags.furtherCommands,
            aliases: [Flags.description.kind.plural])
    }
}
