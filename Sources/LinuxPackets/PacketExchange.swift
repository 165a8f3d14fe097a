import Addressing
import Glibc
import LinuxProcesses
package import NetworkModel
package import NodePorts

/// Exchanges of marked packets with other hosts. Each has a thread of its own for the second that it takes.
package struct PacketExchange: ProbeExchange {
    private let namespace: NamespaceName?

    /// - Parameter namespace: under /run/netns; nil for the namespace of the process.
    package init(namespace: NamespaceName? = nil) { self.namespace = namespace }

    package func exchange(_ order: ExchangeOrder) async throws(NodeError) -> [ProbeTally] {
        let thread = NamespaceThread("kc-probe", in: namespace) { () throws(NodeError) in
            try ExchangeRun(order)
        }
        return try await thread.run { run in run.run() }
    }
}

/// One exchange; made and used on its thread alone.
final class ExchangeRun: ThreadState {
    private let order: ExchangeOrder
    private let nonce: [UInt8]
    private let underlay: UnderlaySockets
    private let wire: TapSocket
    /// nil when there is no such device, or none is asked about.
    private let tunnel: TapSocket?
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
    private var tallies: [ProbeTally.Kind: ProbeTally] = [:]
    private var rounds: ProbeRounds
    private var heard = HeardFrames()
    private var sentAt: [UInt16: ContinuousClock.Instant] = [:]

    init(_ order: ExchangeOrder) throws(NodeError) {
        self.order = order
        nonce = order.nonce.bytes
        rounds = order.sending
        underlay = try UnderlaySockets(order)
        // Before the wire: what is heard there can then be heard here, too.
        tunnel = Self.tunnel(order)
        wire = try TapSocket(
            order.interface, .packets,
            filter: ProbeFrame.filter(order.nonce, at: ProbeFrame.outerHeaders + ProbeFrame.ethernetHeader))
        for kind in Self.kinds(order) { tallies[kind] = ProbeTally(kind) }
    }

    deinit { buffer.deallocate() }

    /// What is wrong with a device that cannot be listened at, the look at the devices says.
    private static func tunnel(_ order: ExchangeOrder) -> TapSocket? {
        guard let device = order.tunnel?.device else { return nil }
        do throws(NodeError) {
            let socket = try TapSocket(
                device, .frames, filter: ProbeFrame.filter(order.nonce, at: ProbeFrame.ethernetHeader))
            // The gate of the tunnel lets these through.
            try socket.markDelivered()
            return socket
        } catch { return nil }
    }

    private static func kinds(_ order: ExchangeOrder) -> [ProbeTally.Kind] {
        order.tunnel == nil ? [.echo, .largeEcho] : [.echo, .largeEcho, .unicast, .largeUnicast, .flood]
    }

    func run() -> [ProbeTally] {
        let start = ContinuousClock.now + ExchangeOrder.lead
        listen(until: start)
        while !rounds.isOver {
            sendAll(UInt16(rounds.sent))
            rounds.send()
            listen(until: start + ExchangeOrder.interval * rounds.sent)
            if heard.isAnything { rounds.hear() }
        }
        listen(until: start + ExchangeOrder.interval * rounds.sent + ExchangeOrder.tail)
        return ProbeTally.Kind.allCases.compactMap { kind in tallies[kind].map(heard.counted) }
    }

    private func sendAll(_ number: UInt16) {
        sentAt[number] = .now
        // ICMPv6 and IPv6 headers: 8 and 40 bytes.
        note(.echo, underlay.send(echo: echo(.echo, number, length: 8 + ProbeMark.length)))
        note(.largeEcho, underlay.send(echo: echo(.largeEcho, number, length: order.mtu.bytes - 40)))
        guard let segment = order.tunnel else { return }
        let header = ProbeFrame.vxlanHeader(segment.vni)
        note(.unicast, underlay.send(datagram: header + frame(.unicast, number)))
        let whole = segment.mtu.bytes + ProbeFrame.ethernetHeader
        note(.largeUnicast, underlay.send(datagram: header + frame(.largeUnicast, number, length: whole)))
        note(.flood, tunnel.map { $0.send(frame(.flood, number)) } ?? ENODEV)
    }

    private func note(_ kind: ProbeTally.Kind, _ failure: Int32) {
        if failure == 0 { tallies[kind]?.sent += 1 } else { tallies[kind]?.sendFailure = failure }
    }

    private func mark(_ kind: ProbeTally.Kind, _ number: UInt16) -> ProbeMark {
        ProbeMark(kind, isFirst: order.isFirst, number: number)
    }

    private func frame(_ kind: ProbeTally.Kind, _ number: UInt16, length: Int = ProbeFrame.shortest) -> [UInt8] {
        ProbeFrame.frame(order.nonce, mark(kind, number), length: length)
    }

    /// RFC 4443 section 4.1; by the nonce its answer is known, whatever the identifier.
    private func echo(_ kind: ProbeTally.Kind, _ number: UInt16, length: Int) -> [UInt8] {
        let bytes =
            [128, 0, 0, 0, nonce[0], nonce[1], UInt8(number >> 8), UInt8(number & 0xff)]
            + mark(kind, number).bytes(order.nonce)
        return bytes + [UInt8](repeating: 0, count: max(0, length - bytes.count))
    }
}

extension ExchangeRun {
    private func listen(until end: ContinuousClock.Instant) {
        while true {
            let left = ContinuousClock.now.duration(to: end)
            guard left > .zero else { return }
            var polled = [underlay.echoDescriptor, wire.descriptor.raw].map {
                pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
            }
            if let tunnel {
                polled.append(pollfd(fd: tunnel.descriptor.raw, events: Int16(POLLIN), revents: 0))
            }
            // Rounded up: it must not turn around for the last millisecond.
            guard poll(&polled, nfds_t(polled.count), Int32(left / .milliseconds(1)) + 1) > 0 else { continue }
            take()
            // A device that went down is readable for ever.
            if polled.contains(where: { $0.revents & Int16(POLLERR) != 0 }) { usleep(1000) }
        }
    }

    private func take() {
        underlay.receiveEchoes(buffer) { bytes in
            // Type 129 and its 8 bytes.
            guard bytes.count > 8, bytes[0] == 129, let mark = ProbeMark(bytes, at: 8, nonce),
                mark.isFirst == order.isFirst, heard.isNewEcho(mark)
            else { return }
            tallies[mark.kind]?.onWire += 1
            guard let sent = sentAt[mark.number] else { return }
            let time = Int(sent.duration(to: .now) / .microseconds(1))
            let fastest = tallies[mark.kind]?.microseconds ?? time
            tallies[mark.kind]?.microseconds = min(fastest, time)
        }
        wire.receive(buffer) { bytes, seen in
            guard !seen.isOutgoing, !seen.isForOthers,
                let mark = ProbeMark(bytes, at: ProbeFrame.outerHeaders + ProbeFrame.ethernetHeader, nonce),
                mark.isFirst != order.isFirst
            else { return }
            heard.onWire(mark, isCorrupt: !seen.isChecksumOpen && !Self.hasRightChecksum(bytes))
        }
        tunnel?.receive(buffer) { bytes, seen in
            guard !seen.isOutgoing, let mark = ProbeMark(bytes, at: ProbeFrame.ethernetHeader, nonce),
                mark.isFirst != order.isFirst
            else { return }
            heard.delivered(mark)
        }
    }

    /// Of a UDP packet without extension headers (RFC 8200 section 8.1): the sum of the pseudo-header and all bytes is
    /// 0xffff. One of 0 means that the sender left it out, which tunnels may (RFC 6935).
    private static func hasRightChecksum(_ packet: UnsafeRawBufferPointer) -> Bool {
        guard packet.count >= 48, packet[46] != 0 || packet[47] != 0 else { return true }
        var sum = UInt32(17) + UInt32(packet.count - 40)
        for index in stride(from: 8, to: packet.count - 1, by: 2) {
            sum += UInt32(packet[index]) << 8 | UInt32(packet[index + 1])
        }
        if !packet.count.isMultiple(of: 2) { sum += UInt32(packet[packet.count - 1]) << 8 }
        while sum >> 16 != 0 { sum = sum & 0xffff + sum >> 16 }
        return sum == 0xffff
    }

    // Between jobs there is nothing to wait for.
    var watched: [Int32] { [] }
    func isReady(_ descriptor: Int32) {}
    var deadline: ContinuousClock.Instant? { nil }
    func deadlineIsOver() {}
}
