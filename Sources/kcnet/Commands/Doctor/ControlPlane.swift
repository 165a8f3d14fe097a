import APIClient
import Addressing
import Commands
import Documents
import Glibc
import NetworkModel
import Resources

/// What the API says about this machine.
struct ControlPlane: Sendable {
    /// Why the API could not be asked; nil when it answered.
    var trouble: Complaint?
    var endpoint = ""
    var subject = ""
    var underlay: Underlay.Spec?
    /// The host that this machine is; nil when none fits.
    var host: ResourceDocument?
    /// Attachments of this host, with those that are not wired.
    var attachments = 0
    var unwired: [ResourceDocument] = []
    /// What this host says of the zones that it does not serve as it shall.
    var unservedZones: [String] = []
    /// Of all projects.
    var gateways = GatewayChecks()
    /// All hosts as the API shows them.
    var hosts: [ResourceDocument] = []
    /// How far this machine's clock is ahead of the server's; nil when the server does not say its time.
    var clockOffset: Duration?
    /// Half of the time that the question took.
    var clockUncertainty = Duration.zero
    /// Attachments in namespaces of this host.
    var guests = 0
    /// Attachments of the segments that managed gateways of this host route.
    var routed = 0

    var hostSpec: Host.Spec? {
        // A host of a newer server that cannot be read is not examined further.
        do { return try host?.spec.map { try Host.Spec(json: $0, path: "spec") } } catch { return nil }
    }

    var groupCount: Int { underlay.map { Int($0.groups.count) } ?? 256 }

    static func look(_ session: Session, host wanted: String?) async -> ControlPlane {
        var found = ControlPlane()
        found.endpoint = session.client.endpoint.description
        do {
            let request = APIRequest(.get, ["v1", "whoami"], timeout: .seconds(5))
            let (before, began) = (Timestamp.now, ContinuousClock.now)
            let answer = try await session.client.send(request).json(of: request)
            found.subject = answer["role"]?.displayText ?? "a known caller"
            found.clockUncertainty = began.duration(to: .now) / 2
            if let time = answer["time"]?.string.flatMap({ Timestamp(rfc3339: $0) }) {
                found.clockOffset =
                    .milliseconds(before.milliseconds - time.milliseconds) + found.clockUncertainty
            }
            found.underlay = try await session.client.get(ResourceCollection(Underlay.kind, project: ""), "default")
                .spec
                .map { node throws(FieldError) in try Underlay.Spec(json: node, path: "spec") }
            let hosts = try await session.client.list(ResourceCollection(Host.kind, project: ""))
            found.hosts = hosts
            let addresses = LocalAddresses.all()
            let own = AgentChecks.status()?["host"]?["id"]?.string
            found.host = hosts.first { host in
                wanted.map { $0 == host.name.text || $0 == host.id.description }
                    ?? (own == host.id.description || (host.spec?["vtep"]?.string.map(addresses.contains) ?? false))
            }
            if let host = found.host {
                for zone in try await session.client.list(ResourceCollection(Zone.kind, project: "")) {
                    guard let report = zone.status?["hosts"]?[host.name.text],
                        let phase = report["phase"]?.string, phase != "wired"
                    else { continue }
                    found.unservedZones.append("\(zone.name) \(phase): \(report["message"]?.string ?? "")")
                }
            }
            for project in try await session.client.list(ResourceCollection(Project.kind, project: "")) {
                try await found.look(into: project.name.text, session)
            }
        } catch { found.trouble = Complaint(error) }
        return found
    }

    private mutating func look(into project: String, _ session: Session) async throws {
        let routers = try await session.client.list(ResourceCollection(Gateway.kind, project: project))
        gateways.gateways += routers.map { .init(project: project, document: $0) }
        gateways.services += try await session.client.list(ResourceCollection(GuestService.kind, project: project)).map
        {
            .init(project: project, document: $0)
        }
        let mappings = try await session.client.list(ResourceCollection(Mapping.kind, project: project))
        if host == nil, mappings.isEmpty { return }
        let all = try await session.client.list(ResourceCollection(Attachment.kind, project: project))
        gateways.addUntranslated(mappings, project: project, attachments: all)
        guard let host else { return }
        let segments = Set(
            routers.filter { $0.spec?["host"]?.string == host.id.description }
                .flatMap { ($0.spec?["segments"]?.elements ?? []).compactMap(\.string) })
        routed += all.count { $0.spec?["segment"]?.string.map(segments.contains) ?? false }
        let mine = all.filter { $0.spec?["host"]?.string == host.id.description }
        attachments += mine.count
        guests += mine.count { $0.spec?["port"]?["type"]?.string == "namespace" }
        unwired += mine.filter { $0.phase != "wired" }
    }
}

/// The IPv6 addresses of this machine's interfaces.
enum LocalAddresses {
    /// In canonical text form (RFC 5952), without link-local ones.
    static func all() -> Set<String> {
        Set(byInterface().values.joined())
    }

    static func byInterface() -> [String: Set<String>] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [:] }
        defer { freeifaddrs(list) }
        var found: [String: Set<String>] = [:]
        var next = list
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard let address = entry.ifa_addr, address.pointee.sa_family == sa_family_t(AF_INET6) else { continue }
            var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
            let text = address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
                var bytes = pointer.pointee.sin6_addr
                return inet_ntop(AF_INET6, &bytes, &buffer, socklen_t(INET6_ADDRSTRLEN)).map { String(cString: $0) }
            }
            guard let text, !text.hasPrefix("fe80:") else { continue }
            found[String(cString: entry.ifa_name), default: []].insert(text)
        }
        return found
    }
}
