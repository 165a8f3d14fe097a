import Commands
import Diagnosis
import LinuxNetlink
import LinuxPackets
import NodePorts

/// Whether TCP that is handed over in large frames with open checksums comes out of a tunnel as it shall.
enum OffloadTrial {
    static func finding() async -> Finding {
        do throws(NodeError) {
            let (hello, burst) = (OffloadBurst.hello, OffloadBurst.frame)
            let heard = try await ScratchTunnel(threads: try NamespaceThreads()).run(
                near: { end throws(NodeError) in try OffloadSender(end.tunnel) },
                far: { end throws(NodeError) in try OffloadEars(wire: end.underlay, end: end.tunnel) },
                { sender, ears throws(NodeError) in
                    try OffloadExchange(sender, ears).run(
                        hello: hello, burst,
                        OffloadOrder(
                            segment: OffloadBurst.segment, headers: OffloadBurst.headers,
                            checksumStart: OffloadBurst.checksumStart, checksumOffset: OffloadBurst.checksumOffset))
                })
            return Finding(
                OffloadCheck(
                    wire: heard.wire.map { .init($0.bytes, isChecksumOpen: $0.isChecksumOpen) },
                    arrived: heard.end.map { .init($0.bytes, isChecksumOpen: $0.isChecksumOpen) },
                    mtu: ScratchTunnel.mtu
                ).check)
        } catch {
            return Finding(
                .warn, "offload", "cannot be tried: \(error)",
                why: "where large frames are cut wrongly, ping works and ssh hangs",
                next: "run as root on the machine itself, not in a restricted container")
        }
    }
}
