import Addressing
package import NodePorts

/// What every implementation of `PacketLog` must do, real or in memory. An empty list of violations is a pass.
package struct PacketLogContract: Sendable {
    private let log: any PacketLog
    private let port: String
    private let send: @Sendable (LogGroup, [[UInt8]]) async throws -> Void

    /// The words before which a frame of the contract is logged.
    package static let prefix = "contract"
    /// Two groups that nobody else reads.
    package static let groups = (LogGroup(2701), LogGroup(2702))

    /// - Parameters:
    ///   - port: where `send`'s frames come in.
    ///   - send: has frames logged into a group, in order, with the contract's prefix; returns when all of them were.
    package init(
        log: any PacketLog, port: String, send: @escaping @Sendable (LogGroup, [[UInt8]]) async throws -> Void
    ) {
        self.log = log
        self.port = port
        self.send = send
    }

    package func violations() async throws -> [String] {
        var violations: [String] = []
        func expect(_ condition: Bool, _ text: @autoclosure () -> String) {
            if !condition { violations.append(text()) }
        }
        let (group, other) = Self.groups
        try await send(group, [Self.frame(0)])
        try await hear(group, other, expect)
        let again = try await readAgain(group)
        try await send(group, [Self.frame(7)])
        var iterator = again.makeAsyncIterator()
        let short = await iterator.next()
        expect(
            short?.bytes == Array(Self.frame(7).prefix(18)),
            "a frame longer than the snap length has \(short?.bytes.count ?? 0) bytes, and must have 14 + 4")
        try await flood(group, &iterator, expect)
        return violations
    }

    /// The stream that nobody reads any more lets go of the group a moment after it was dropped.
    private func readAgain(_ group: LogGroup) async throws -> AsyncStream<LoggedFrame> {
        for _ in 0..<1000 {
            var refusal: NodeError?
            do throws(NodeError) { return try await log.frames(of: group, snapLength: 4) } catch { refusal = error }
            guard refusal?.code == .errno(Errno.notPermitted) else { break }
            await Task.yield()
        }
        return try await log.frames(of: group, snapLength: 4)
    }

    private func hear(
        _ group: LogGroup, _ other: LogGroup, _ expect: (Bool, @autoclosure () -> String) -> Void
    ) async throws {
        let first = try await log.frames(of: group, snapLength: 2048)
        let second = try await log.frames(of: other, snapLength: 2048)
        var refusal: NodeError?
        do throws(NodeError) { _ = try await log.frames(of: group, snapLength: 64) } catch { refusal = error }
        expect(refusal?.code == .errno(Errno.notPermitted), "a second reader gets \(String(describing: refusal))")
        try await send(group, [Self.frame(1), Self.frame(2)])
        try await send(other, [Self.frame(3)])
        var iterator = first.makeAsyncIterator()
        for number: UInt8 in [1, 2] {
            let frame = await iterator.next()
            expect(frame?.bytes == Self.frame(number), "frame \(number) is \(String(describing: frame))")
            expect(frame?.prefix == Self.prefix, "its prefix is \(String(describing: frame?.prefix))")
            expect(frame?.port?.text == port, "its port is \(String(describing: frame?.port))")
            expect(frame?.lostBefore == 0, "\(frame?.lostBefore ?? 0) were lost before it")
        }
        var others = second.makeAsyncIterator()
        let frame = await others.next()
        expect(frame?.bytes == Self.frame(3), "the other group's frame is \(String(describing: frame))")
    }

    /// More than may wait, while nobody reads: first ones wait, the rest is counted.
    private func flood(
        _ group: LogGroup, _ iterator: inout AsyncStream<LoggedFrame>.Iterator,
        _ expect: (Bool, @autoclosure () -> String) -> Void
    ) async throws {
        let count = PacketLogLimits.waiting * 4
        try await send(group, Array(repeating: Self.frame(8), count: count))
        async let _: Void = mark(group)
        var read = 0
        var marked = 0
        while marked == 0, let frame = await iterator.next() {
            read += 1 + frame.lostBefore
            if frame.bytes[14] == 9 { marked = frame.bytes[15..<18].reduce(0) { $0 << 8 | Int($1) } }
        }
        expect(
            read == count + marked,
            "of \(count + marked) frames \(read) were read or counted as lost")
    }

    /// Numbered frames, until one has been heard: any may be lost, too, where what was sent before is not yet read.
    private func mark(_ group: LogGroup) async throws {
        var number = 0
        while !Task.isCancelled {
            number += 1
            var frame = Self.frame(9)
            for (place, shift) in zip(15..<18, [16, 8, 0]) { frame[place] = UInt8(truncatingIfNeeded: number >> shift) }
            try await send(group, [frame])
            await Task.yield()
        }
    }

    /// A frame of an ethertype for experiments (88b5, IEEE 802), from one local MAC to another.
    private static func frame(_ number: UInt8) -> [UInt8] {
        [2, 0x6b, 0x63, 0, 0, 2, 2, 0x6b, 0x63, 0, 0, 1, 0x88, 0xb5] + Array(repeating: number, count: 100)
    }
}
