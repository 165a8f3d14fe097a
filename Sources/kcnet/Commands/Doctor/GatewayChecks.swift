import APIClient
import Commands
import Documents
import NetworkModel
import Resources

/// What is wrong with gateways and the services that they offer, on whichever host: whoever asks is told, not only who
/// happens to ask on the right machine. A machine's own fail, others' are worth a word.
struct GatewayChecks: Sendable {
    struct Placed: Sendable {
        let project: String
        let document: ResourceDocument

        /// "'edge' of project 'default'".
        var title: String { "'\(document.name)' of project '\(project)'" }
        /// The words that show it.
        var show: String { "\(document.kind) show \(document.name) --project \(project)" }
    }

    var gateways: [Placed] = []
    var services: [Placed] = []
    private var untranslated: [Untranslated] = []

    /// A mapping that no gateway translates, with what is missing and the command that gives it.
    private struct Untranslated {
        let mapping: Placed
        let missing: String
        let command: String
    }

    /// Looks for the gateway of each mapping's segment among those of the project that are known already.
    mutating func addUntranslated(
        _ mappings: [ResourceDocument], project: String, attachments: [ResourceDocument]
    ) {
        let segments = Dictionary(
            attachments.map { ($0.id.description, $0.spec?["segment"]?.string) },
            uniquingKeysWith: { first, _ in first })
        for mapping in mappings {
            guard let attachment = mapping.spec?["attachment"]?.string, let segment = segments[attachment] ?? nil else {
                continue
            }
            let gateway = gateways.first {
                $0.project == project
                    && ($0.document.spec?["segments"]?.elements ?? []).contains { $0.string == segment }
            }?.document
            guard gateway?.spec?["nat64"] == nil else { continue }
            let (missing, command) =
                gateway.map { ("gateway '\($0.name)' of its segment has no NAT64", "update \($0.name)") }
                ?? ("its segment has no managed gateway", "create NAME --host HOST --segment SEGMENT")
            untranslated.append(
                Untranslated(
                    mapping: Placed(project: project, document: mapping), missing: missing,
                    command: "kcnet gateway \(command) --project \(project) --nat64"))
        }
    }

    /// - Parameter host: that this machine is; nil when it is none.
    func findings(host: ResourceID?) -> [Finding] {
        let found =
            gateways.compactMap { finding($0, host: host) } + services.compactMap(finding) + untranslated.map(finding)
        guard found.isEmpty, !gateways.isEmpty else { return found }
        return [
            Finding(.ok, "gateways", "all \(gateways.count) are ready, as are \(services.count) services of theirs")
        ]
    }

    private func finding(_ gateway: Placed, host: ResourceID?) -> Finding? {
        let document = gateway.document
        let isHere = host != nil && document.spec?["host"]?.string == host?.description
        if let phase = document.phase, phase != "wired" {
            return Finding(
                isHere && phase != "pending" ? .fail : .warn, "gateway",
                "\(gateway.title) is \(phase)\(document.message.map { ": \($0)" } ?? "")",
                why: "guests of its segments may have no router, addresses or names",
                next: "`kcnet \(gateway.show)` says more, and the log of its host's agent has the words of its daemons")
        }
        guard document.spec?["uplink"] != nil, let way = document.status?["details"]?["wayOut"]?.string,
            way.hasPrefix("no: ")
        else { return nil }
        return Finding(
            isHere ? .fail : .warn, "gateway", "\(gateway.title) has no way out: \(way.dropFirst("no: ".count))",
            why: "its guests are told that it is no default router until it has one",
            next: "look at its uplink's cable and at the router at the other end, or give it another uplink: "
                + "`kcnet gateway update \(document.name) --project \(gateway.project)`")
    }

    private func finding(_ service: Placed) -> Finding? {
        let document = service.document
        guard let phase = document.phase, phase != "wired" else { return nil }
        return Finding(
            .warn, "service", "\(service.title) is \(phase)\(document.message.map { ": \($0)" } ?? "")",
            why: "guests that ask it are refused", next: "start its consumer; `kcnet \(service.show)` says more")
    }

    private func finding(_ found: Untranslated) -> Finding {
        let address = found.mapping.document.status?["ipv4"]?.string ?? "its IPv4 address"
        return Finding(
            .warn, "mapping", "\(found.mapping.title) is translated by nobody: \(found.missing)",
            why: "nobody reaches the attachment by \(address), and it reaches nobody by IPv4",
            next: "`\(found.command)`")
    }
}
