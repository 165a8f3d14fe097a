package import ComputeModel
package import DomainXML
package import Resources

/// What brings a compute host to what it is told: for each VM its steps in their order. Those of different VMs do not
/// wait for each other; when one fails the rest of that VM's are left for the next plan.
package struct ComputePlan: Hashable, Sendable, CustomStringConvertible {
    package var steps: [ResourceID: [ComputeStep]] = [:]
    /// What keeps a VM from being as it shall be and no step of this host mends.
    package var obstacles: [ResourceID: [Obstacle]] = [:]

    package init() {}

    package var isEmpty: Bool { steps.isEmpty }

    /// A line for each step and each obstacle, ordered by VM.
    package var description: String {
        Set(steps.keys).union(obstacles.keys).sorted().flatMap { vm in
            (steps[vm] ?? []).map { "\(vm): \($0)" } + (obstacles[vm] ?? []).map { "\(vm): waits: \($0.message)" }
        }.joined(separator: "\n")
    }
}

/// Why a VM is not as it shall be, by the condition that does not hold.
package struct Obstacle: Hashable, Sendable {
    package var kind: Condition.Kind
    package var message: String

    package init(_ kind: Condition.Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }
}

/// One thing to do for one VM. Each may be done again without harm.
package enum ComputeStep: Hashable, Sendable, CustomStringConvertible {
    case fetchImage(ImageOrder)
    /// From the image, which is there.
    case makeDisk(ObservedDisk, ImageOrder)
    case growDisk(ObservedDisk)
    case makeSeed(NoCloudSeed)
    /// Makes or replaces what outlives the domain; what runs goes on as it is.
    case define(Domain)
    case start
    /// Tells the guest to end.
    case shutdown
    /// Takes its power.
    case destroy
    /// Tells the guest to boot again; the number is the order's count of reboots.
    case reboot(UInt64)
    /// Boots it again without asking.
    case reset(UInt64)
    case attach(DomainInterface)
    case detach(DomainPort)
    case undefine
    case removeDisk(ObservedDisk)
    case removeSeed(String)

    package var description: String {
        switch self {
        case .fetchImage(let image): "fetch image \(image.id), \(image.size) bytes"
        case .makeDisk(let disk, let image):
            "make disk of \(disk.sizeGiB) GiB over image \(image.id) (\(image.format.rawValue)), fence \(disk.fence)"
        case .growDisk(let disk): "grow disk to \(disk.sizeGiB) GiB, fence \(disk.fence)"
        case .makeSeed(let seed): "make seed \(seed.digest)"
        case .define(let domain): "define \(domain.libvirtName) as \(domain.digest)"
        case .start: "start"
        case .shutdown: "tell it to end"
        case .destroy: "take its power"
        case .reboot(let count): "tell it to reboot (\(count))"
        case .reset(let count): "reset (\(count))"
        case .attach(let interface): "attach \(interface.device)"
        case .detach(let interface): "detach \(interface.device)"
        case .undefine: "undefine"
        case .removeDisk(let disk): "remove disk, fence \(disk.fence)"
        case .removeSeed(let digest): "remove seed \(digest)"
        }
    }
}
