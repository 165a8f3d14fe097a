import APIClient
import Commands
import NetworkModel
import Resources

/// Whether the agents that are listened to are there, so that silence is not taken for peace.
struct AgentPresence {
    private var away: Set<String> = []
    private var looked = ContinuousClock.now

    /// An agent counts as away 10 s after it was last heard.
    private static let interval = Duration.seconds(2)

    init() {}

    /// What to tell; nil while nothing changes, and for who may not see hosts.
    mutating func change(of hosts: some Collection<String>, _ client: APIClient) async -> String? {
        guard ContinuousClock.now - looked > Self.interval else { return nil }
        looked = .now
        for host in hosts.sorted() {
            // Who may not see hosts is told by the frames alone.
            guard let document = try? await client.get(ResourceCollection(Host.kind, project: ""), host) else {
                continue
            }
            if document.phase == "up" {
                if away.remove(host) != nil { return "the agent of host \(host) is back" }
            } else if away.insert(host).inserted {
                return "the agent of host \(host) is away: what is dropped is counted, and not shown until it is back"
            }
        }
        return nil
    }
}
