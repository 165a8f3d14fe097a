import FoundationEssentials
import HostState
package import NetworkModel
import Resources

extension AgentInstance {
    /// Of this process: another one after each start.
    package static let own = AgentInstance(run: ResourceID(UUID()), boot: boot)

    /// What random(4) shows for as long as the kernel runs.
    private static var boot: ResourceID? {
        let bytes: [UInt8]?
        // Without it two agents are told apart all the same; only people learn less.
        do { bytes = try AtomicFile.read("/proc/sys/kernel/random/boot_id", limit: 64) } catch { return nil }
        return bytes.flatMap { ResourceID(String(decoding: $0, as: UTF8.self).filter { !$0.isWhitespace }) }
    }
}
