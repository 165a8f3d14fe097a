import Addressing
import ComputeModel
import DomainXML
import Resources

/// The plan for one VM, as it is made.
struct MachineTurn {
    private let order: MachineOrder
    private let host: ObservedComputeHost
    private let memory: ComputeMemory
    private let wanted: Domain
    private let domain: ObservedDomain?
    private(set) var steps: [ComputeStep] = []
    private(set) var obstacles: [Obstacle] = []

    init(_ order: MachineOrder, _ host: ObservedComputeHost, _ memory: ComputeMemory, _ planner: ComputePlanner) {
        self.order = order
        self.host = host
        self.memory = memory
        wanted = planner.domain(of: order, host.acceleration)
        domain = host.domains[order.id]
    }

    private var isOff: Bool { domain?.isOff ?? true }

    mutating func decide() {
        guard mayTouchDisk() else { return }
        if order.power == .off, !isOff {
            stop()
            return
        }
        if isOff { prepare() }
        define()
        if isOff {
            removeFormerSeeds()
            if order.power == .on, isWired() { steps.append(.start) }
        } else {
            change()
        }
    }

    /// False, with the reason, when the disk that is here and the order are of different times.
    private mutating func mayTouchDisk() -> Bool {
        let fences = (host.files.disks[order.id] ?? []).map(\.fence)
        guard let newest = fences.max() else { return true }
        if newest > order.fence {
            obstacles.append(
                Obstacle(
                    .diskReady,
                    "the order (fence \(order.fence)) is older than the disk on this host (fence \(newest)): "
                        + "a newer order must come"))
            return false
        }
        if newest < order.fence {
            obstacles.append(
                Obstacle(
                    .diskReady,
                    "the disk on this host is of an earlier placement (fence \(newest), now \(order.fence)): the VM may "
                        + "have run elsewhere since, so it is not started from it; move the disk away to start anew"))
            return false
        }
        return true
    }

    /// Tells the guest to end, and takes its power when its time is over, or when it can hear nothing.
    private mutating func stop() {
        switch memory.ending[order.id] {
        case true?: steps.append(.destroy)
        case false? where domain?.phase != .paused: break
        case nil where domain?.phase == .running && order.graceSeconds > 0: steps.append(.shutdown)
        case nil, false?: steps.append(.destroy)
        }
    }

    /// Disk and seed; also of a VM that shall not run, so that it starts at once when it shall.
    private mutating func prepare() {
        let disk = ObservedDisk(fence: order.fence, sizeGiB: order.machine.diskGiB)
        if let present = host.files.disks[order.id]?.first(where: { $0.fence == order.fence }) {
            if present.sizeGiB < disk.sizeGiB { steps.append(.growDisk(disk)) }
        } else {
            if !host.files.images.contains(order.image.id) { steps.append(.fetchImage(order.image)) }
            steps.append(.makeDisk(disk, order.image))
        }
        let seed = NoCloudSeed(order)
        if host.files.seeds[order.id]?.contains(seed.digest) != true { steps.append(.makeSeed(seed)) }
    }

    private mutating func define() {
        // While it runs a definition with a seed that is not there yet would keep it from being started again.
        guard domain?.definition != wanted.digest else { return }
        if !isOff, host.files.seeds[order.id]?.contains(NoCloudSeed(order).digest) != true {
            steps.append(.makeSeed(NoCloudSeed(order)))
        }
        steps.append(.define(wanted))
    }

    /// Those that no definition names any more.
    private mutating func removeFormerSeeds() {
        let digest = NoCloudSeed(order).digest
        steps += (host.files.seeds[order.id] ?? []).filter { $0 != digest }.sorted().map { .removeSeed($0) }
    }

    private mutating func isWired() -> Bool {
        let missing = order.interfaces.filter { !$0.isWired }
        guard let first = missing.first else { return true }
        obstacles.append(
            Obstacle(
                .attachmentsWired,
                "\(missing.count) of \(order.interfaces.count) attachments are not wired yet: "
                    + "\(first.attachment) (\(first.device))" + (missing.count > 1 ? " and others" : "")))
        return false
    }

    /// What can be changed while it runs: NICs. The rest is in the definition, for its next start.
    private mutating func change() {
        if domain?.phase == .paused {
            obstacles.append(
                Obstacle(.started, "the hypervisor has paused it: its disk may be full; `virsh resume` goes on"))
        }
        let live = domain?.liveInterfaces ?? []
        let ordered = Set(order.interfaces.map { DomainPort($0.device, $0.mac) })
        for port in live where !ordered.contains(port) { steps.append(.detach(port)) }
        for interface in order.interfaces where interface.isWired {
            guard !live.contains(DomainPort(interface.device, interface.mac)) else { continue }
            steps.append(.attach(DomainInterface(interface)))
        }
        _ = isWired()
        reboot()
    }

    private mutating func reboot() {
        guard let done = memory.reboots[order.id], done < order.reboots else { return }
        switch memory.rebooting[order.id] {
        case nil: steps.append(.reboot(order.reboots))
        case true?: steps.append(.reset(order.reboots))
        case false?: break
        }
    }
}
