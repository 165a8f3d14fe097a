import Addressing
import NetworkModel
import NetworkNode
import NetworkPlanning
import NodePorts
import NodePortsTesting
import Resources
import Synchronization
import Testing
import Waiting

/// Captures on their way through the agent.
@Suite struct CaptureTests {
    static let start = ContinuousClock.now
    static let probe = Fixture.id(5, 2)

    static func task(
        _ points: [CapturePoint] = CapturePoint.allCases, pace: Int = 2000, bytes: Int = 1 << 20
    ) -> CaptureTask {
        CaptureTask(attachment: Fixture.id(2, 1), points: points, pace: pace, bytes: bytes, by: "test")
    }

    static func frame(_ time: UInt64, device: Int = 0, bytes: Int = 100) -> CapturedFrame {
        CapturedFrame(
            device: device, nanoseconds: time, length: 2000, isOutgoing: false,
            bytes: [UInt8](repeating: 7, count: bytes))
    }

    @Test func `frames of several devices come in the order of time, in chunks`() {
        var basket = CaptureBasket(Self.task(), seconds: 10, at: Self.start)
        let wantsMore = basket.take([Self.frame(3), Self.frame(5), Self.frame(4, device: 1)], at: Self.start)
        #expect(wantsMore)
        let chunk = basket.next()
        #expect(chunk?.frames.map(\.nanoseconds) == [3, 4, 5])
        let none = basket.next()
        #expect(none == nil)
    }

    @Test func `a chunk has no more bytes and frames than it may`() {
        var basket = CaptureBasket(Self.task(), seconds: 10, at: Self.start)
        _ = basket.take((0..<40).map { Self.frame($0, bytes: 9000) }, at: Self.start)
        var counts: [Int] = []
        while let chunk = basket.next() { counts.append(chunk.frames.count) }
        #expect(counts == [14, 14, 12])
        _ = basket.take((0..<1100).map { Self.frame($0, bytes: 64) }, at: Self.start + .seconds(1))
        counts = []
        while let chunk = basket.next() { counts.append(chunk.frames.count) }
        #expect(counts == [1024, 76] && basket.dropped == 0)
    }

    @Test func `what comes faster than the pace, or than it can be sent, is dropped and counted`() {
        var basket = CaptureBasket(Self.task(pace: 10), seconds: 10, at: Self.start)
        _ = basket.take((0..<25).map { Self.frame($0) }, at: Self.start)
        #expect(basket.dropped == 15)
        _ = basket.take([Self.frame(26)], at: Self.start + .seconds(1))
        #expect(basket.dropped == 15)
        var full = CaptureBasket(Self.task(bytes: 16 << 20), seconds: 10, at: Self.start)
        let count = CaptureBasket.room / 9000
        _ = full.take((0..<count + 3).map { Self.frame(UInt64($0), bytes: 9000) }, at: Self.start)
        #expect(full.dropped == 3)
    }

    @Test func `it ends with its time, or with its bytes`() {
        var basket = CaptureBasket(Self.task(bytes: 1024), seconds: 10, at: Self.start)
        let goesOn = basket.take((0..<11).map { Self.frame($0) }, at: Self.start)
        #expect(!goesOn && basket.end == .bytes)
        #expect(basket.next()?.frames.count == 10)
        var quiet = CaptureBasket(Self.task(), seconds: 10, at: Self.start)
        let before = quiet.take([], at: Self.start + .seconds(9))
        let after = quiet.take([], at: Self.start + .seconds(10))
        #expect(before && !after && quiet.end == .time)
    }

    @Test func `each point has its devices, and the underlay is filtered to attachment, VNI and port`() throws {
        let (guest, neighbour, foreign) = (
            Fixture.attachment(1), Fixture.attachment(2), Fixture.attachment(3, on: 2)
        )
        let segment = Fixture.segment(1)
        let snapshot = try HostSnapshot(
            Fixture.reset(5, segments: [segment, Fixture.segment(2)], attachments: [guest, neighbour, foreign]))
        let plan = try #require(CapturePlan(Self.task(), snapshot))
        #expect(
            plan.order.places == [
                CaptureOrder.Place(guest.portName, .all), CaptureOrder.Place(neighbour.portName, .of(guest.mac)),
                CaptureOrder.Place(.vxlan(segment.vni), .ofAndGroups(guest.mac)),
                CaptureOrder.Place(Fixture.underlay, .inTunnel(guest.mac, segment.vni, port: 4789)),
            ])
        #expect(plan.devices.map(\.point) == CapturePoint.allCases)
        #expect(CapturePlan(Self.task([.port]), snapshot)?.devices.map(\.name) == [guest.portName.text])
        var missing = Self.task()
        missing.attachment = Fixture.id(2, 9)
        #expect(CapturePlan(missing, snapshot) == nil)
    }

    /// A kernel whose frames the test makes.
    private final class Wire: FrameCapturing {
        private struct State {
            var frames: [CapturedFrame] = []
            var orders: [CaptureOrder] = []
            var running = 0
        }
        private let state = Mutex(State())

        func send(_ frames: [CapturedFrame]) { state.withLock { $0.frames += frames } }
        var orders: [CaptureOrder] { state.withLock { $0.orders } }
        var running: Int { state.withLock { $0.running } }

        func capture(
            _ order: CaptureOrder, _ take: @escaping @Sendable ([CapturedFrame]) -> Bool
        ) async throws(NodeError) -> [CapturePlaceOutcome] {
            state.withLock { state in
                state.orders.append(order)
                state.running += 1
            }
            defer { state.withLock { $0.running -= 1 } }
            while take(
                state.withLock { state in
                    defer { state.frames = [] }
                    return state.frames
                })
            {
                await Task.yield()
            }
            return order.places.map { _ in CapturePlaceOutcome(lost: 2) }
        }
    }

    @Test func `the agent sends chunks while it lasts, says how it ended, and stops when nobody asks any more`()
        async throws
    {
        let folder = try Folder()
        let host = Fixture.machine()
        let wire = Wire()
        let guest = Fixture.attachment(1)
        var reset = Fixture.reset(5, segments: [Fixture.segment(1)], attachments: [guest])
        let (short, long) = (Self.probe, Fixture.id(5, 3))
        reset.probes = [DesiredProbe(id: short, question: .capture(Self.task([.port], bytes: 1024)), seconds: 300)]
        let api = StandInAPI(reset)
        try await withAgent(host, api, in: folder, captures: wire) {
            try await eventually("captures") { wire.running == 1 }
            wire.send((0..<4).map { Self.frame($0) })
            try await eventually("sends") { api.chunks(of: short)[0]?.frames.count == 4 }
            #expect(api.answers(to: short).first?.capture?.devices.map(\.name) == [guest.portName.text])
            wire.send((4..<20).map { Self.frame($0) })
            try await eventually("ends") { api.answers(to: short).last?.phase == .done }
            let report = api.answers(to: short).last?.capture
            #expect(report?.end == .bytes && report?.frames == 10 && report?.chunks == 2)
            #expect(report?.devices.map(\.lost) == [2])
            #expect(api.chunks(of: short).values.reduce(0) { $0 + $1.frames.count } == 10)
            var change = Fixture.change(6)
            change.probes = [DesiredProbe(id: long, question: .capture(Self.task()), seconds: 300)]
            api.push(change)
            try await eventually("captures again") { wire.running == 1 }
            var end = Fixture.change(7)
            end.removedProbes = [long]
            api.push(end)
            try await eventually("stops") { wire.running == 0 }
            #expect(wire.orders.count == 2)
        }
    }
}
