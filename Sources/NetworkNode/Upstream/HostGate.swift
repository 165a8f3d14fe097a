import Logging
import NetworkModel
import Resources

/// Lets the desired state of this very host in and no other's: an API of another cluster, or a host that was made anew
/// under the old name, would have the agent take away what is there.
struct HostGate: Sendable {
    private let logger: Logger
    /// Whether the present connection speaks of this host.
    private(set) var isAccepted = false
    private var refused: HostIdentity?

    init(logger: Logger) { self.logger = logger }

    /// Moves what may be believed from `content.upstream` to `content.updates`; opens and closes the way of reports.
    /// - Parameter known: the host that the agent realises; nil before it knows.
    mutating func pass(
        _ content: inout Inbox.Content, known: HostIdentity?, _ outbox: Outbox, _ board: StatusBoard
    ) {
        var known = known
        for event in content.upstream {
            switch event {
            case .lost(let reason):
                isAccepted = false
                outbox.close()
                board.post(isConnected: false, message: reason)
            case .update(let update) where update.reset:
                guard let host = update.host else { continue }
                guard known == nil || known?.id == host.id else {
                    refuse(host, known, outbox, board)
                    continue
                }
                known = host
                refused = nil
                isAccepted = true
                content.updates.append(update)
                outbox.open()
                board.post(isConnected: true, message: nil)
            case .update(let update):
                if isAccepted { content.updates.append(update) }
            }
        }
        content.upstream = []
    }

    private mutating func refuse(
        _ host: HostIdentity, _ known: HostIdentity?, _ outbox: Outbox, _ board: StatusBoard
    ) {
        isAccepted = false
        outbox.close()
        let message =
            "the API speaks of the host \(host.name) with the id \(host.id), and this machine is the host "
            + "\(known?.name.text ?? "?") with the id \(known?.id.description ?? "?"): another cluster, or the host was "
            + "deleted and made anew. Nothing is changed. If it is meant so, run `kcd node --remove` and start again"
        board.post(isConnected: false, message: message)
        // Once for each such host; a reconnecting server would repeat it for ever.
        guard refused?.id != host.id else { return }
        refused = host
        logger.error("the API is refused", metadata: ["reason": "\(message)"])
    }
}
