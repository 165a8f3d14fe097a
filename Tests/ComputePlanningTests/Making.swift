import Addressing
import ComputeModel
import ComputePlanning
import DomainXML
import Resources
import Testing

/// Orders and hosts of these tests.
enum Making {
    static let paths = HostPaths(root: "/var/lib/kc-compute")!

    static func id(_ number: UInt64) -> ResourceID {
        let digits = String(number, radix: 16)
        return ResourceID("00000000-0000-4000-8000-\(String(repeating: "0", count: 12 - digits.count))\(digits)")!
    }

    static func order(
        _ number: UInt64, power: VirtualMachine.Power = .on, fence: UInt64 = 1, networks: Int = 1, isWired: Bool = true,
        diskGiB: UInt64 = 4, memoryMiB: UInt64 = 256, image: UInt64 = 1000, reboots: UInt64 = 0
    ) -> MachineOrder {
        let interfaces = (0..<networks).map { index in
            InterfaceOrder(
                attachment: id(number * 100 + UInt64(index)),
                mac: MACAddress(0x5254_0000_0000 + number * 256 + UInt64(index)),
                device: InterfaceName.port(id(number * 100 + UInt64(index)).bytes), mtu: try! MTU(1430),
                isWired: isWired)
        }
        return MachineOrder(
            id: id(number), project: Name("default")!, name: Name("vm-\(number)")!, generation: 1, fence: fence,
            machine: Machine(
                architecture: .amd64, firmware: .bios, cpus: 1, cpuModel: "host", memoryMiB: memoryMiB,
                diskGiB: diskGiB, devices: [.serialConsole]),
            image: ImageOrder(
                id: id(image), format: .qcow2, size: 4096, sha256: SHA256Digest(String(repeating: "a", count: 64))!),
            interfaces: interfaces,
            guest: GuestOrder(instance: id(number), hostname: Name("vm-\(number)")!), power: power, reboots: reboots)
    }

    static func orders(_ orders: [MachineOrder]) -> HostOrders {
        HostOrders(computeHost: id(1), revision: Revision(1), machines: orders)
    }
}

/// A host that does every step at once and as it is told.
struct ObedientHost {
    var seen = ObservedComputeHost()
    var memory = ComputeMemory()

    mutating func apply(_ plan: ComputePlan, _ orders: HostOrders) {
        for (vm, steps) in plan.steps { for step in steps { apply(step, vm, orders.machines[vm]) } }
    }

    private mutating func apply(_ step: ComputeStep, _ vm: ResourceID, _ order: MachineOrder?) {
        switch step {
        case .fetchImage(let image): seen.files.images.insert(image.id)
        case .makeDisk(let disk, let image):
            #expect(seen.files.images.contains(image.id), "a disk is made over an image that is there")
            seen.files.disks[vm, default: []].insert(disk)
        case .growDisk(let disk):
            #expect(seen.domains[vm]?.isOff ?? true, "a disk grows while nothing runs from it")
            seen.files.disks[vm] = seen.files.disks[vm]?.filter { $0.fence != disk.fence }
            seen.files.disks[vm, default: []].insert(disk)
        case .makeSeed(let seed): seen.files.seeds[vm, default: []].insert(seed.digest)
        case .define(let domain):
            var present = seen.domains[vm] ?? ObservedDomain(phase: .off("new"), definition: "")
            present.definition = domain.digest
            seen.domains[vm] = present
        case .start:
            #expect(order?.interfaces.allSatisfy(\.isWired) == true, "nothing starts on a port that is not wired")
            #expect(seen.files.disks[vm]?.contains { $0.fence == order?.fence } == true)
            seen.domains[vm]?.phase = .running
            seen.domains[vm]?.liveInterfaces = (order?.interfaces ?? []).map { DomainPort($0.device, $0.mac) }
            memory.reboots[vm] = order?.reboots
        case .shutdown, .destroy:
            seen.domains[vm]?.phase = .off("told")
            seen.domains[vm]?.liveInterfaces = []
        case .reboot(let count), .reset(let count): memory.reboots[vm] = count
        case .attach(let new): seen.domains[vm]?.liveInterfaces.append(DomainPort(new.device, new.mac))
        case .detach(let port): seen.domains[vm]?.liveInterfaces.removeAll { $0 == port }
        case .undefine:
            #expect(seen.domains[vm]?.isOff ?? true)
            seen.domains[vm] = nil
        case .removeDisk(let disk):
            #expect(seen.domains[vm]?.isOff ?? true, "a disk is removed while nothing runs from it")
            seen.files.disks[vm]?.remove(disk)
            if seen.files.disks[vm]?.isEmpty == true { seen.files.disks[vm] = nil }
        case .removeSeed(let digest):
            seen.files.seeds[vm]?.remove(digest)
            if seen.files.seeds[vm]?.isEmpty == true { seen.files.seeds[vm] = nil }
        }
    }
}
