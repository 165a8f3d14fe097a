import Addressing
import NFTables
import NetworkModel
import NetworkPlanning
import NodePorts
import SeededRandomness
import Synchronization
import Testing

@testable import LinuxPacketFilter

/// What is marked before the guard is a part of what the guard says, at each moment, whatever changes.
@Suite struct MarkedPortsTests {
    /// What a program would mark.
    private final class Marks: FrameMarks {
        let records = Mutex<[UInt32: SimpleFrames.Record]>([:])
        /// The next removals fail.
        let isStuck = Mutex(false)

        var all: [UInt32: SimpleFrames.Record] { records.withLock { $0 } }

        func put(_ record: SimpleFrames.Record, device: UInt32) throws(NodeError) {
            records.withLock { $0[device] = record }
        }

        func remove(device: UInt32) throws(NodeError) {
            if isStuck.withLock({ $0 }) { throw NodeError(.errno(16), operation: "delete from", subject: "simple") }
            records.withLock { $0[device] = nil }
        }

        func clear() throws(NodeError) { records.withLock { $0 = [:] } }
    }

    /// Devices by name, as a namespace has them.
    private final class Devices: Sendable {
        let indices = Mutex<[InterfaceName: UInt32]>([:])
        func index(_ name: InterfaceName) -> UInt32 { indices.withLock { $0[name] ?? 0 } }
    }

    private struct Scene {
        let marks = Marks()
        let devices = Devices()
        var marked: MarkedPorts
        /// What is in the kernel.
        var kernel: Set<GuardElement> = []
        let ports = (1...3).compactMap { try? InterfaceName("kctport\($0)") }
        var nextIndex: UInt32 = 5

        init() {
            marked = MarkedPorts(marks) { [devices] in devices.index($0) }
        }

        /// Whatever is marked of any device follows from elements.
        func check(_ elements: Set<GuardElement>, _ what: String) throws {
            let frames = SimpleFrames(elements)
            for (device, record) in marks.all {
                let port = try #require(ports.first { devices.index($0) == device }, "\(what): a device that is gone")
                try #require(frames.record(of: port) == record, "\(what): \(port)")
            }
        }

        /// An element that says something of frames that enter, or another one of the guest.
        func element(_ random: inout SeededGenerator) throws -> GuardElement {
            let port = FieldValue.interface(try #require(ports.randomElement(using: &random)))
            let macAndType = FieldValue.number(0x0200_0000_0001 << 16 | 0x86dd)
            let address = FieldValue.address(
                IPv6Address(high: 0xfd01 << 48, low: UInt64.random(in: 1...2, using: &random)))
            func element(_ set: GuardSet, _ parts: [FieldValue], _ way: [Way]) throws -> GuardElement {
                let value = try #require(way.randomElement(using: &random)).value
                return GuardElement(set, Element(key: set.set.key(parts), value: value))
            }
            switch Int.random(in: 0..<8, using: &random) {
            case 0..<4:
                let network = FieldValue.number([0xfe80 << 48, 0xfd01 << 48].randomElement(using: &random) ?? 0)
                return try element(.fast, [port, macAndType, address, network], [.inside, .inside, .insideTracked])
            case 4, 5: return try element(.own, [port, macAndType, address], [.open, .tracked, .filtered])
            case 6: return try element(.ports, [port, macAndType], [.gateway, .guest])
            default: return GuardElement(.ready, Element(key: GuardSet.ready.set.key([port])))
            }
        }
    }

    @Test func `before, in and after each change nothing is marked that the guard does not say`() throws {
        var random = SeededGenerator(printedFor: "before, in and after each change")
        var scene = Scene()
        var marks = 0
        for _ in 0..<4_000 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0:
                // A device comes, or another one under its name.
                let port = try #require(scene.ports.randomElement(using: &random))
                let former = scene.devices.index(port)
                scene.devices.indices.withLock { $0[port] = scene.nextIndex }
                scene.nextIndex += 1
                scene.marked.refresh(port)
                #expect(scene.marks.all[former] == nil)
            case 1:
                let port = try #require(scene.ports.randomElement(using: &random))
                scene.devices.indices.withLock { $0[port] = nil }
                scene.marked.refresh(port)
            case 2:
                try scene.marked.clear()
                #expect(scene.marks.all.isEmpty)
            case 3: scene.marked.adopt(scene.kernel)
            default:
                var changes: [ElementChange] = []
                var after = scene.kernel
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let element = try scene.element(&random)
                    // One key has one value.
                    let former = after.filter { $0.set == element.set && $0.element.key == element.element.key }
                    changes += former.map { ElementChange(element: $0, isAddition: false) }
                    after.subtract(former)
                    if Bool.random(using: &random) {
                        changes.append(ElementChange(element: element, isAddition: true))
                        after.insert(element)
                    }
                }
                try scene.marked.prepare(for: changes)
                try scene.check(scene.kernel, "before a change")
                try scene.check(after, "in a change")
                // The kernel refuses one in five.
                guard Int.random(in: 0..<5, using: &random) > 0 else { continue }
                scene.kernel = after
                scene.marked.conclude()
            }
            try scene.check(scene.kernel, "afterwards")
            marks += scene.marks.all.count
        }
        #expect(marks > 1_000)
        // Nothing is left out for good.
        scene.marked.adopt(scene.kernel)
        let frames = SimpleFrames(scene.kernel)
        for port in scene.ports where scene.devices.index(port) != 0 {
            let record = scene.marks.all[scene.devices.index(port)]
            #expect(record == frames.record(of: port))
        }
    }

    @Test func `what cannot be taken back holds up the change`() throws {
        var scene = Scene()
        let port = try #require(scene.ports.first)
        scene.devices.indices.withLock { $0[port] = 7 }
        let parts: [FieldValue] = [.interface(port), .number(0x0200_0000_0001 << 16 | 0x86dd)]
        let element = GuardElement(.ports, Element(key: GuardSet.ports.set.key(parts), value: Way.gateway.value))
        scene.marked.adopt([element])
        #expect(scene.marks.all.count == 1)
        scene.marks.isStuck.withLock { $0 = true }
        #expect(throws: NodeError.self) {
            try scene.marked.prepare(for: [ElementChange(element: element, isAddition: false)])
        }
        scene.marks.isStuck.withLock { $0 = false }
        try scene.marked.prepare(for: [ElementChange(element: element, isAddition: false)])
        #expect(scene.marks.all.isEmpty)
    }
}
