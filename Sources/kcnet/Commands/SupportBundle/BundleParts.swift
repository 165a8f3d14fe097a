import APIClient
import Commands
import Documents
import Laboratory
import NetworkModel
import Resources

/// The files of a support bundle. What cannot be had becomes a file that says why: that, too, helps.
struct BundleParts: Sendable {
    let name: String
    let text: String

    private static let logBytes = 8 << 20

    static func all(_ session: Session, logs: [String]) async -> [BundleParts] {
        var parts = [await versions()]
        parts += await resources(session)
        let findings = await Doctor.examine(session, host: nil)
        parts.append(
            BundleParts(name: "doctor.txt", text: Finding.lines(findings, coloured: false).joined(separator: "\n")))
        parts.append(
            BundleParts(
                name: "agent.json",
                text: AgentChecks.status().map(JSONLayout.text) ?? "\(AgentChecks.statusFile) is missing"))
        parts.append(await requested("metrics.txt", session, APIRequest(.get, ["metrics"])))
        for (name, program, arguments) in listings {
            parts.append(BundleParts(name: name, text: await output(program, arguments)))
        }
        for (index, path) in logs.enumerated() {
            let text = await output("tail", ["-c", "\(logBytes)", "--", path])
            let base = path.split(separator: "/").last.map(String.init) ?? "log"
            parts.append(BundleParts(name: "log-\(index + 1)-\(base)", text: text))
        }
        return parts
    }

    private static let listings: [(String, String, [String])] = [
        ("links.json", "ip", ["-d", "-j", "link"]), ("addresses.json", "ip", ["-j", "address"]),
        ("routes.json", "ip", ["-6", "-j", "route", "show", "table", "all"]),
        ("fdb.json", "bridge", ["-j", "fdb"]), ("namespaces.json", "ip", ["-j", "netns"]),
        ("nft-bridge.txt", "nft", ["list", "table", "bridge", "kc"]),
        ("nft-inet.txt", "nft", ["list", "table", "inet", "kc"]),
        ("processes.txt", "ps", ["-eo", "pid,ppid,etime,rss,stat,comm"]),
    ]

    private static func versions() async -> BundleParts {
        var lines = ["kcnet \(Version.text)"]
        let programs = [
            ("uname", ["-a"]), ("cat", ["/etc/os-release"]), ("nft", ["--version"]), ("radvd", ["--version"]),
            ("ip", ["-V"]),
        ]
        for (program, arguments) in programs { lines.append(await output(program, arguments)) }
        if let folder = ProcFile.ownFolder { lines.append(await output("\(folder)/kcd", ["--version"])) }
        return BundleParts(name: "versions.txt", text: lines.joined(separator: "\n"))
    }

    private static func resources(_ session: Session) async -> [BundleParts] {
        var parts = [await requested("whoami.json", session, APIRequest(.get, ["v1", "whoami"]))]
        for description in KindDescription.all where !description.kind.isInProject {
            parts.append(await listed(description, session, file: "\(description.kind.plural).json"))
        }
        // Without the list of projects there is nothing in them to be had either; the file for projects says why.
        let projects: [ResourceDocument]
        do {
            projects = try await session.client.list(ResourceCollection(Project.kind, project: ""))
        } catch { return parts }
        for project in projects {
            let inside = session.inside(project.name.text)
            for description in KindDescription.all where description.kind.isInProject {
                parts.append(
                    await listed(description, inside, file: "\(project.name)-\(description.kind.plural).json"))
            }
        }
        return parts
    }

    private static func listed(_ description: KindDescription, _ session: Session, file: String) async -> BundleParts {
        do {
            let documents = try await session.client.list(session.collection(description))
            return BundleParts(name: file, text: JSONLayout.text(JSONNode(.array(documents.map(\.node)))))
        } catch { return BundleParts(name: file, text: Complaint(error).text) }
    }

    private static func requested(_ name: String, _ session: Session, _ request: APIRequest) async -> BundleParts {
        do {
            return BundleParts(
                name: name, text: String(decoding: try await session.client.send(request).body, as: UTF8.self))
        } catch { return BundleParts(name: name, text: Complaint(error).text) }
    }

    private static func output(_ program: String, _ arguments: [String]) async -> String {
        do {
            let result = try await Command(program, arguments).run()
            return result.isSuccess ? result.output : result.output + result.complaint
        } catch { return "\(error)" }
    }
}
