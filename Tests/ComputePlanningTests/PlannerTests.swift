import ComputeModel
import ComputePlanning
import DomainXML
import Resources
import SeededRandomness
import Testing

struct PlannerTests {
    private let planner = ComputePlanner(paths: Making.paths)

    private func lines(_ order: MachineOrder, _ host: ObedientHost) -> [String] {
        (planner.plan(Making.orders([order]), host.seen, host.memory).steps[order.id] ?? []).map {
            String("\($0)".prefix { $0 != " " })
        }
    }

    private func settled(_ order: MachineOrder) -> ObedientHost {
        var host = ObedientHost()
        host.apply(planner.plan(Making.orders([order]), host.seen, host.memory), Making.orders([order]))
        return host
    }

    @Test func `a new VM gets image, disk, seed, definition and power, in that order`() {
        #expect(lines(Making.order(1), ObedientHost()) == ["fetch", "make", "make", "define", "start"])
        #expect(lines(Making.order(1, power: .off), ObedientHost()) == ["fetch", "make", "make", "define"])
        #expect(lines(Making.order(1), settled(Making.order(1))) == [])
    }

    @Test func `a VM waits until all its ports are wired, and one that runs goes on when they no longer are`() {
        let waiting = Making.order(1, networks: 2, isWired: false)
        #expect(lines(waiting, ObedientHost()) == ["fetch", "make", "make", "define"])
        let plan = planner.plan(Making.orders([waiting]), ObservedComputeHost(), ComputeMemory())
        #expect(plan.obstacles[waiting.id]?.map(\.kind) == [.attachmentsWired])
        #expect(lines(waiting, settled(Making.order(1, networks: 2))) == [])
    }

    @Test func `a VM that vanished is started again, one that was told to end is not`() {
        var host = settled(Making.order(1))
        host.seen.domains[Making.id(1)]?.phase = .off("crashed")
        #expect(lines(Making.order(1), host) == ["start"])
        host.seen.domains[Making.id(1)] = nil
        #expect(lines(Making.order(1), host) == ["define", "start"])
        #expect(lines(Making.order(1, power: .off), host) == ["define"])
    }

    @Test func `a guest is asked to end before its power is taken`() {
        var host = settled(Making.order(1))
        let off = Making.order(1, power: .off)
        #expect(lines(off, host) == ["tell"])
        host.memory.ending[off.id] = false
        #expect(lines(off, host) == [])
        host.memory.ending[off.id] = true
        #expect(lines(off, host) == ["take"])
        host.memory.ending[off.id] = nil
        host.seen.domains[off.id]?.phase = .paused
        #expect(lines(off, host) == ["take"])
    }

    @Test func `nothing starts from a disk of another placement, and nothing by an order that is older than the disk`()
    {
        for fence: UInt64 in [1, 3] {
            var host = settled(Making.order(1, fence: 2))
            host.seen.domains[Making.id(1)]?.phase = .off("it ended by itself")
            let order = Making.order(1, fence: fence)
            let plan = planner.plan(Making.orders([order]), host.seen, host.memory)
            #expect(plan.isEmpty)
            #expect(plan.obstacles[order.id]?.map(\.kind) == [.diskReady])
        }
    }

    @Test func `NICs come and go while it runs, memory waits for its next start`() {
        let host = settled(Making.order(1))
        #expect(lines(Making.order(1, networks: 2), host) == ["make", "define", "attach"])
        #expect(lines(Making.order(1, networks: 0), host) == ["make", "define", "detach"])
        #expect(lines(Making.order(1, memoryMiB: 512), host) == ["define"])
        var off = settled(Making.order(1, power: .off))
        #expect(lines(Making.order(1, power: .off, diskGiB: 8), off) == ["grow"])
        off.apply(
            planner.plan(Making.orders([Making.order(1, diskGiB: 8)]), off.seen, off.memory),
            Making.orders([Making.order(1, diskGiB: 8)]))
        #expect(off.seen.files.disks[Making.id(1)] == [ObservedDisk(fence: 1, sizeGiB: 8)])
    }

    @Test func `a reboot is asked for once, and made when its time is over`() {
        var host = settled(Making.order(1))
        let order = Making.order(1, reboots: 2)
        #expect(lines(order, host) == ["tell"])
        host.memory.rebooting[order.id] = false
        #expect(lines(order, host) == [])
        host.memory.rebooting[order.id] = true
        #expect(lines(order, host) == ["reset"])
        host.memory.reboots[order.id] = 2
        host.memory.rebooting[order.id] = nil
        #expect(lines(order, host) == [])
    }

    @Test func `what is ordered no longer is removed, what is somebody else's is not touched`() {
        var host = settled(Making.order(1))
        host.seen.foreign = ["somebody"]
        let plan = planner.plan(Making.orders([]), host.seen, host.memory)
        #expect(plan.steps[Making.id(1)]?.map { "\($0)".prefix(6) } == ["take i", "undefi", "remove", "remove"])
        #expect(plan.steps.count == 1)
        var kept = Making.orders([])
        kept.kept = [Making.id(1)]
        #expect(planner.plan(kept, host.seen, host.memory).isEmpty, "what is kept stays as it is")
    }

    @Test func `planning again after success gives the empty plan, whatever was there`() {
        var random = SeededGenerator(printedFor: "planning again")
        for _ in 0..<300 {
            var host = ObedientHost()
            for _ in 0..<4 {
                let orders = Making.orders(
                    (1...4).filter { _ in Bool.random(using: &random) }.map { some($0, &random) })
                disturb(&host, &random)
                let plan = planner.plan(orders, host.seen, host.memory)
                #expect(planner.plan(orders, host.seen, host.memory) == plan)
                host.apply(plan, orders)
                var rest = planner.plan(orders, host.seen, host.memory)
                // What a guest must have ended for can only be planned when it has.
                for vm in rest.steps.keys {
                    #expect(plan.steps[vm].map { $0 == [.shutdown] || $0 == [.destroy] } ?? false)
                }
                host.apply(rest, orders)
                rest = planner.plan(orders, host.seen, host.memory)
                #expect(rest.isEmpty, "\(plan)\nthen\n\(rest)")
                for order in orders.machines.values where rest.obstacles[order.id] == nil {
                    #expect((host.seen.domains[order.id]?.phase == .running) == (order.power == .on))
                }
            }
        }
    }

    private func some(_ number: Int, _ random: inout SeededGenerator) -> MachineOrder {
        Making.order(
            UInt64(number), power: Bool.random(using: &random) ? .on : .off,
            fence: UInt64.random(in: 1...2, using: &random), networks: Int.random(in: 0...3, using: &random),
            isWired: Int.random(in: 0...3, using: &random) > 0, diskGiB: UInt64.random(in: 4...8, using: &random),
            memoryMiB: UInt64.random(in: 1...2, using: &random) * 256,
            image: UInt64.random(in: 1000...1001, using: &random), reboots: UInt64.random(in: 0...2, using: &random))
    }

    private func disturb(_ host: inout ObedientHost, _ random: inout SeededGenerator) {
        for vm in host.seen.domains.keys.sorted() {
            switch Int.random(in: 0...5, using: &random) {
            case 0: host.seen.domains[vm] = nil
            case 1:
                host.seen.domains[vm]?.phase = .off("crashed")
                host.seen.domains[vm]?.liveInterfaces = []
            case 2: host.seen.domains[vm]?.definition = "changed"
            case 3: host.seen.files.seeds[vm] = nil
            default: break
            }
        }
    }
}
