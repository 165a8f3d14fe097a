import ComputeModel
import ComputePlanning
package import ComputePorts
import ImageFormats
import Resources

/// What the agent works on.
package struct ComputeHostPorts: Sendable {
    package var hypervisor: any Hypervisor
    package var disks: any DiskStore
    /// Whole images, from which disks are made: its files are where `HostPaths` says.
    package var images: any ImageStore

    package init(hypervisor: any Hypervisor, disks: any DiskStore, images: any ImageStore) {
        self.hypervisor = hypervisor
        self.disks = disks
        self.images = images
    }
}

/// Does the steps of a plan through the ports.
struct StepExecutor: Sendable {
    let ports: ComputeHostPorts
    let upstream: any ComputeUpstream

    /// All steps of one VM, until one fails.
    func run(_ steps: [ComputeStep], of order: MachineOrder?, _ vm: ResourceID) async -> LaneEnd {
        var end = LaneEnd(vm: vm, done: [], failure: nil)
        for step in steps {
            do {
                try await run(step, of: vm, largestDisk: (order?.machine.diskGiB ?? 0) << 30)
                end.done.append((step, .now))
            } catch {
                end.failure = (step, "\(error)")
                break
            }
        }
        return end
    }

    private func run(_ step: ComputeStep, of vm: ResourceID, largestDisk: UInt64) async throws {
        switch step {
        case .fetchImage(let image): try await fetch(image, largestDisk)
        case .makeDisk(let disk, let image): try await ports.disks.makeDisk(disk, of: vm, over: image)
        case .growDisk(let disk): try await ports.disks.growDisk(disk, of: vm)
        case .makeSeed(let seed): try await ports.disks.makeSeed(seed, of: vm)
        case .define(let domain): try await ports.hypervisor.define(domain)
        case .start: try await ports.hypervisor.start(vm)
        case .shutdown: try await ports.hypervisor.shutdown(vm)
        case .destroy: try await ports.hypervisor.destroy(vm)
        case .reboot: try await ports.hypervisor.reboot(vm)
        case .reset: try await ports.hypervisor.reset(vm)
        case .attach(let interface): try await ports.hypervisor.attach(interface, to: vm)
        case .detach(let port): try await ports.hypervisor.detach(port, from: vm)
        case .undefine: try await ports.hypervisor.undefine(vm)
        case .removeDisk(let disk): try await ports.disks.removeDisk(disk, of: vm)
        case .removeSeed(let digest): try await ports.disks.removeSeed(digest, of: vm)
        }
    }

    /// Piece by piece, from where a former try ended. The store checks it and refuses what is not the image.
    private func fetch(_ image: ImageOrder, _ largestDisk: UInt64) async throws {
        var offset = try await ports.images.begin(image.id, size: image.size)
        while offset < image.size {
            let count = Int(min(UInt64(ImagePiece.maximum), image.size - offset))
            let piece = try await upstream.read(image.id, at: offset, count: count)
            guard !piece.isEmpty, piece.count <= count else {
                throw UpstreamError("the server sends \(piece.count) bytes where at most \(count) are to come")
            }
            offset = try await ports.images.append(piece, to: image.id, at: offset)
        }
        _ = try await ports.images.finish(
            image.id,
            ExpectedImage(
                size: image.size, sha256: image.sha256.description, format: image.format == .raw ? .raw : .qcow2,
                largestDisk: largestDisk))
    }
}

extension ComputeStep {
    /// The condition that does not hold when it fails.
    var condition: Condition.Kind {
        switch self {
        case .fetchImage, .makeDisk, .growDisk, .makeSeed, .removeDisk, .removeSeed: .diskReady
        case .attach, .detach: .attachmentsWired
        case .define, .undefine: .defined
        case .start, .shutdown, .destroy, .reboot, .reset: .started
        }
    }
}
