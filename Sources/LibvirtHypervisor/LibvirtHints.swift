import CLibvirt
import ComputePorts
import Resources
import Synchronization

/// Those who want to hear what libvirt says, and what it is told to call. Lives as long as the process: a connection that
/// hangs may call at any time.
final class LibvirtHints: Sendable {
    private struct Content {
        var next = 0
        var continuations: [Int: AsyncStream<HypervisorEvent>.Continuation] = [:]
    }
    private let content = Mutex(Content())

    func listen() -> AsyncStream<HypervisorEvent> {
        // A full buffer loses the oldest: a look finds what it said.
        let (stream, continuation) = AsyncStream.makeStream(
            of: HypervisorEvent.self, bufferingPolicy: .bufferingNewest(256))
        let number = content.withLock { content in
            content.next += 1
            content.continuations[content.next] = continuation
            return content.next
        }
        continuation.onTermination = { [weak self] _ in
            self?.content.withLock { _ = $0.continuations.removeValue(forKey: number) }
        }
        return stream
    }

    func tell(_ event: HypervisorEvent) {
        for continuation in content.withLock({ Array($0.continuations.values) }) { continuation.yield(event) }
    }

    /// What libvirt calls; never freed, and this object with it.
    var listener: UnsafeMutablePointer<clibvirt_listener> {
        let listener = UnsafeMutablePointer<clibvirt_listener>.allocate(capacity: 1)
        listener.initialize(
            to: clibvirt_listener(
                hint: { uuid, rebooted, opaque in
                    guard let opaque else { return }
                    let hints = Unmanaged<LibvirtHints>.fromOpaque(opaque).takeUnretainedValue()
                    if rebooted != 0, let vm = uuid.flatMap({ ResourceID(String(cString: $0)) }) {
                        hints.tell(.rebooted(vm))
                    } else {
                        hints.tell(.changed)
                    }
                }, opaque: Unmanaged.passRetained(self).toOpaque()))
        return listener
    }
}
