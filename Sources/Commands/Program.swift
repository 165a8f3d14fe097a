import APIClient
package import ArgumentParser
package import Documents
import Glibc
import Synchronization

/// What differs from one of KC's commands to the next: its name, and the kinds that it knows.
package struct Program: Sendable {
    /// As it is typed, and as its complaints begin.
    package let name: String
    package let kinds: KindCatalogue

    package init(_ name: String, kinds: KindCatalogue) {
        self.name = name
        self.kinds = kinds
    }

    private static let chosen = Mutex(Program("kc", kinds: .network))

    /// The program that runs.
    package static var current: Program { chosen.withLock { $0 } }

    /// The whole life of a command: reads the command line, runs what it says, ends with what came of it.
    ///
    /// - Parameter shortcut: commands that can be read without making all the others.
    package func main(
        _ root: any AsyncParsableCommand.Type, shortcut: @Sendable ([String]) -> (any ParsableCommand)? = { _ in nil }
    ) async {
        Self.chosen.withLock { $0 = self }
        do {
            APIClient.shareOneThread()
            let arguments = Arguments.expanded(Array(CommandLine.arguments.dropFirst()))
            var command = try shortcut(arguments) ?? root.parseAsRoot(arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch { Self.exit(root, afterwards: error) }
    }

    /// ArgumentParser ends a wrong command line with 64 (EX_USAGE); ours is 2, everything else as it says.
    private static func exit(_ root: any AsyncParsableCommand.Type, afterwards error: any Error) -> Never {
        guard root.exitCode(for: error) == .validationFailure else { root.exit(withError: error) }
        Terminal.error(root.fullMessage(for: error))
        root.exit(withError: ExitCode(ExitStatus.usage.rawValue))
    }
}

/// What a command line may say shorter than ArgumentParser understands.
enum Arguments {
    /// `--wait` alone means the default time; `--wait 30` and `--wait=30` name another. A number below zero after an
    /// option is its value (no option of KC's is a number), so that it is refused with the option's own rule.
    static func expanded(_ arguments: [String]) -> [String] {
        let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
        var expanded: [String] = []
        for (index, argument) in arguments[..<end].enumerated() {
            let next = index + 1 < end ? arguments[index + 1] : ""
            if argument == "--wait", next.isEmpty || !next.allSatisfy(\.isNumber) {
                expanded.append("--wait=\(WaitOptions.defaultSeconds)")
            } else if argument.isNegativeNumber, let option = expanded.last, option.isOptionWithoutValue {
                expanded[expanded.count - 1] = "\(option)=\(argument)"
            } else {
                expanded.append(argument)
            }
        }
        return expanded + arguments[end...]
    }
}

extension String {
    fileprivate var isNegativeNumber: Bool { hasPrefix("-") && dropFirst().first?.isNumber == true }
    fileprivate var isOptionWithoutValue: Bool { hasPrefix("--") && !contains("=") }
}
