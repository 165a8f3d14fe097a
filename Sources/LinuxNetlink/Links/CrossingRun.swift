import CMnl
import Glibc
import NetworkModel
import NodePorts

/// The sending and counting of one crossing; blocks its thread.
struct CrossingRun {
    private let order: CrossingOrder
    /// One tap for each lane.
    private let taps: [Int32]
    private let nonce: [UInt8]
    private var results: [CrossingResult]
    private var heard: [Set<ProbeMark>]
    private var answers: [Set<[UInt8]>]

    init(_ order: CrossingOrder, _ taps: [Int32]) {
        self.order = order
        self.taps = taps
        nonce = order.nonce.bytes
        results = taps.map { _ in CrossingResult(sent: 0, arrived: [:]) }
        heard = taps.map { _ in [] }
        answers = taps.map { _ in [] }
    }

    consuming func run() -> [CrossingResult] {
        let begin = ContinuousClock.now
        let start = begin + CrossingOrder.lead
        listen(until: start)
        var rounds = CrossingOrder.sending
        while !rounds.isOver {
            for (index, lane) in order.lanes.enumerated() { send(rounds.sent, lane, index) }
            rounds.send()
            listen(until: start + CrossingOrder.interval * rounds.sent)
            if heard.contains(where: { !$0.isEmpty }) { rounds.hear() }
        }
        listen(until: start + CrossingOrder.interval * rounds.sent + CrossingOrder.tail)
        listen(until: begin + CrossingOrder.patience, whileUnanswered: true)
        for index in results.indices {
            let numbers = heard[index].filter { $0.kind != .segment }.map { Int($0.number) }
            if let first = numbers.min(), let last = numbers.max() { results[index].rounds = first...last }
            results[index].answers = answers[index].sorted { $0.lexicographicallyPrecedes($1) }
        }
        return results
    }

    private mutating func send(_ round: Int, _ lane: CrossingOrder.Lane, _ index: Int) {
        let tap = taps[index]
        if CrossingOrder.callRounds.contains(round) {
            // What is not sent is not answered.
            for call in lane.calls { _ = Self.write(call, to: tap) }
        }
        if let solicitation = lane.solicitation, round.isMultiple(of: 2), Self.write(solicitation, to: tap) {
            results[index].solicitationsSent += 1
        }
        guard round < lane.frames.count else { return }
        if Self.write(lane.frames[round], to: tap) { results[index].sent += 1 }
        guard round < lane.streams.count else { return }
        if Self.write(lane.streams[round], to: tap) {
            results[index].segmentsSent += CrossingOrder.SegmentStream.count
        }
    }

    /// `struct virtio_net_hdr` (linux/virtio_net.h), in the host's byte order: 10 bytes before each frame of the tap.
    private static let header = 10

    private static func write(_ frame: [UInt8], to tap: Int32) -> Bool {
        let bytes = [UInt8](repeating: 0, count: header) + frame
        return Glibc.write(tap, bytes, bytes.count) == bytes.count
    }

    private static func write(_ stream: CrossingOrder.SegmentStream, to tap: Int32) -> Bool {
        // VIRTIO_NET_HDR_F_NEEDS_CSUM and VIRTIO_NET_HDR_GSO_TCPV6; the sum begins with the TCP header and is at 16 in it.
        let transport = 14 + 40
        let numbers = [CrossingOrder.SegmentStream.headers, stream.segment, transport, 16].map { UInt16(clamping: $0) }
        let bytes = [1, 4] + numbers.flatMap { withUnsafeBytes(of: $0) { Array($0) } } + stream.bytes
        return Glibc.write(tap, bytes, bytes.count) == bytes.count
    }
}

extension CrossingRun {
    private var isAnswered: Bool {
        zip(order.lanes, answers).allSatisfy { lane, seen in seen.count >= lane.answers?.count ?? 0 }
    }

    private mutating func listen(until end: ContinuousClock.Instant, whileUnanswered: Bool = false) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 8)
        defer { buffer.deallocate() }
        while case let left = ContinuousClock.now.duration(to: end), left > .zero {
            if whileUnanswered, isAnswered { return }
            var polled = taps.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&polled, nfds_t(polled.count), Int32(left / .milliseconds(1)) + 1) > 0 else { continue }
            for (index, tap) in taps.enumerated() where polled[index].revents != 0 {
                let count = read(tap, buffer.baseAddress, buffer.count)
                guard count > Self.header else {
                    // The tap was taken away by somebody: it is readable for ever.
                    if errno != EAGAIN { usleep(1000) }
                    continue
                }
                let isOpen = buffer[0] & 1 != 0
                take(UnsafeRawBufferPointer(rebasing: buffer[Self.header..<count]), isOpen: isOpen, index)
            }
        }
    }

    /// - Parameter isOpen: the checksum is still to be filled in.
    private mutating func take(_ bytes: UnsafeRawBufferPointer, isOpen: Bool, _ index: Int) {
        let lane = order.lanes[index]
        if let mark = lane.answers, bytes.count >= mark.offset + 16,
            bytes[mark.offset..<mark.offset + 16].elementsEqual(mark.nonce.bytes)
        {
            if answers[index].count < mark.count { answers[index].insert(Array(bytes)) }
            return
        }
        if lane.solicitation != nil, ProbeMark.isSolicitation(bytes, nonce) {
            results[index].solicitationsHeard += 1
            return
        }
        if let mark = ProbeMark(bytes, at: order.offset, nonce), mark.kind != .segment {
            // Answers come to whoever has sent the question.
            guard mark.isFirst != lane.isFirst || [.reach, .largeReach].contains(mark.kind),
                heard[index].insert(mark).inserted
            else { return }
            results[index].arrived[mark.kind, default: 0] += 1
            return
        }
        guard let mark = ProbeMark(bytes, at: CrossingOrder.SegmentStream.headers, nonce), mark.kind == .segment,
            mark.isFirst != lane.isFirst, heard[index].insert(mark).inserted
        else { return }
        results[index].arrived[.segment, default: 0] += 1
        // Both ends send segments of one size.
        let length = lane.streams.first.map { $0.segment + CrossingOrder.SegmentStream.headers } ?? bytes.count
        if bytes.count != length || !isOpen && !Self.hasRightChecksum(bytes) { results[index].segmentsCorrupt += 1 }
    }

    /// Of a TCP segment without extension headers (RFC 8200 section 8.1): the sum of the pseudo-header and all bytes is
    /// 0xffff.
    private static func hasRightChecksum(_ frame: UnsafeRawBufferPointer) -> Bool {
        var sum = UInt64(6) + UInt64(frame.count - 54)
        // Addresses, and everything from the TCP header on.
        for index in stride(from: 22, to: frame.count - 1, by: 2) {
            sum += UInt64(frame[index]) << 8 | UInt64(frame[index + 1])
        }
        if !frame.count.isMultiple(of: 2) { sum += UInt64(frame[frame.count - 1]) << 8 }
        while sum >> 16 != 0 { sum = sum & 0xffff + sum >> 16 }
        return sum == 0xffff
    }
}
