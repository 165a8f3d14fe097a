import Logging
package import NetworkModel
package import NodePorts

extension NetlinkLinkTable {
    package func events() -> AsyncStream<LinkEvent> { events(in: nil) }

    package func events(in namespace: NamespaceName?) -> AsyncStream<LinkEvent> {
        let name = namespace?.text ?? "host"
        let home = threads.home
        // The stream keeps its newest events. When it loses some to a slow reader, `everything` follows them.
        return AsyncStream(bufferingPolicy: .bufferingNewest(1024)) { continuation in
            do throws(KernelError) {
                let reader = try EventReader(receiveBytes: eventBufferBytes)
                continuation.onTermination = { _ in reader.end() }
                try startThread {
                    do {
                        let file = try namespace.map { name throws(NodeError) in try NamespaceFile(name) }
                        try reader.run(in: file, home: home) { event in
                            if case .dropped = continuation.yield(event) { continuation.yield(.everything) }
                        }
                    } catch {
                        log.warning("events of namespace \(name) ended: \(error)")
                    }
                    continuation.finish()
                }
            } catch {
                log.warning("events of namespace \(name) cannot be read: \(error)")
                continuation.finish()
            }
        }
    }
}

private let log = Logger(label: "kc.netlink")
