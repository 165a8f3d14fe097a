/// Where the agent keeps its files, and the queue on which it reads and writes them.
package struct AgentFiles: Sendable {
    package var state: StateFolder
    /// The agent's status for people and commands (`/run/kc/node.json`).
    package var status: String
    /// Where measures go for Prometheus (`/run/kc/metrics/node.prom`); nil: nowhere.
    package var metrics: String?
    package let queue = FileQueue()

    package init(state: StateFolder, status: String, metrics: String? = nil) {
        self.state = state
        self.status = status
        self.metrics = metrics
    }
}
