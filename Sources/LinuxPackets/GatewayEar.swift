package import Addressing
import Glibc
import LinuxProcesses
package import NetworkModel
package import NodePorts

/// Packet sockets inside of a gateway's namespace, on a thread of their own for as long as a probe lasts.
package struct GatewayEar: GatewayListening {
    package init() {}

    package func listen(
        for nonce: ProbeNonce, at devices: [InterfaceName], in namespace: NamespaceName
    ) async throws(NodeError) -> [HeardEchoes] {
        let thread = NamespaceThread("kc-echoes", in: namespace) { () throws(NodeError) in
            EchoEars(nonce, devices)
        }
        return try await thread.run { $0.listen() }
    }
}

/// The sockets; made and used on their thread alone.
private final class EchoEars: ThreadState {
    private let nonce: [UInt8]
    /// nil where there is no such device.
    private let sockets: [TapSocket?]
    private var heard: [[Sighting: Set<ProbeMark>]]
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 8)

    private struct Sighting: Hashable {
        var isRequest: Bool
        var isOutgoing: Bool
    }

    init(_ nonce: ProbeNonce, _ devices: [InterfaceName]) {
        self.nonce = nonce.bytes
        let filter = ProbeFrame.filter(nonce, at: HeardEchoes.offset)
        sockets = devices.map { device in
            do throws(NodeError) { return try TapSocket(device, .frames, filter: filter) } catch { return nil }
        }
        heard = devices.map { _ in [:] }
    }

    deinit { buffer.deallocate() }

    func listen() -> [HeardEchoes] {
        let end = ContinuousClock.now + HeardEchoes.maximum
        while case let left = ContinuousClock.now.duration(to: end), left > .zero, !isEnough {
            var polled = sockets.compactMap { $0 }.map {
                pollfd(fd: $0.descriptor.raw, events: Int16(POLLIN), revents: 0)
            }
            guard poll(&polled, nfds_t(polled.count), Int32(left / .milliseconds(1)) + 1) > 0 else { continue }
            for (place, socket) in sockets.enumerated() { take(socket, place) }
            // A device that went down is readable for ever.
            if polled.contains(where: { $0.revents & Int16(POLLERR) != 0 }) { usleep(1000) }
        }
        return heard.map { seen in
            func count(_ isRequest: Bool, _ isOutgoing: Bool) -> Int {
                seen[Sighting(isRequest: isRequest, isOutgoing: isOutgoing)]?.count ?? 0
            }
            return HeardEchoes(
                requestsIn: count(true, false), requestsOut: count(true, true), answersIn: count(false, false),
                answersOut: count(false, true))
        }
    }

    private var isEnough: Bool {
        heard.first?[Sighting(isRequest: false, isOutgoing: true)]?.count ?? 0 >= HeardEchoes.enough
    }

    private func take(_ socket: TapSocket?, _ place: Int) {
        socket?.receive(buffer) { bytes, seen in
            // Types 128 and 129, behind the headers of Ethernet and IPv6.
            guard let mark = ProbeMark(bytes, at: HeardEchoes.offset, nonce), bytes[54] == 128 || bytes[54] == 129
            else { return }
            let sighting = Sighting(isRequest: bytes[54] == 128, isOutgoing: seen.isOutgoing)
            heard[place][sighting, default: []].insert(mark)
        }
    }

    var watched: [Int32] { [] }
    func isReady(_ descriptor: Int32) {}
    var deadline: ContinuousClock.Instant? { nil }
    func deadlineIsOver() {}
}
