import DaemonConfigs
import NodePorts

/// The control socket of kc-proxy: a line, an answer. Blocks the calling thread.
struct ProxyControl {
    /// The directory its configuration is in.
    let directory: String
    let instance: String

    /// What is wrong, a line each: a service's id or `-`, and words; nil when nothing is.
    func problem(within limit: Duration) throws(NodeError) -> String? {
        let text = try ask("status", within: limit)
        return text.isEmpty ? nil : text
    }

    /// Has it read its file again; its connections stay.
    func reload(within limit: Duration) throws(NodeError) {
        let text = try ask("reload", within: limit)
        guard text == "ok\n" else {
            throw NodeError(.program, operation: "reload", subject: instance, message: text)
        }
    }

    private func ask(_ question: String, within limit: Duration) throws(NodeError) -> String {
        let path = "\(directory)/\(GuestProxyConfiguration.controlSocket)"
        return String(
            decoding: try SocketQuestion(path: path, subject: instance).ask(question + "\n", within: limit),
            as: UTF8.self)
    }
}
