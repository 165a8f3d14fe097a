import ArgumentParser
import Commands

/// Commands that are read without making all the others, which is a good part of what a short command costs: each kind
/// has nine, of generic types that are made when they are first asked for.
///
/// Nothing but speed depends on it. Whatever is not understood here goes through the whole tree, which has the words for
/// help and for errors.
enum Shortcut {
    /// - Parameter arguments: without the program's name.
    static func command(_ arguments: [String]) -> (any ParsableCommand)? {
        guard arguments.count > 1, help.isDisjoint(with: arguments), let type = type(arguments[0]) else { return nil }
        // Why it is not understood, the tree says.
        return try? type.parseAsRoot(Array(arguments.dropFirst()))
    }

    private static let help: Set<String> = ["help", "-h", "-help", "--help", "--help-hidden"]

    /// - Parameter word: what stands after `kcnet`.
    static func type(_ word: String) -> (any ParsableCommand.Type)? {
        switch word {
        case "apply": Apply.self
        case "export": Export.self
        case "path": PathCommand.self
        case "trace": TraceCommand.self
        case "why": WhyCommand.self
        case "segment", "segments": KindCommand<SegmentFlags>.self
        case "attachment", "attachments": KindCommand<AttachmentFlags>.self
        case "policy", "policies": KindCommand<PolicyFlags>.self
        case "gateway", "gateways": KindCommand<GatewayFlags>.self
        case "host", "hosts": KindCommand<HostFlags>.self
        default: nil
        }
    }
}
