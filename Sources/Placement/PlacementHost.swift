package import ComputeModel
package import Resources

/// What the scheduler knows of one compute host.
package struct PlacementHost: Hashable, Sendable {
    package var id: ResourceID
    package var architecture: Architecture
    /// What may be promised, over-commit included (`Overcommit.allocatable`).
    package var allocatable: Capacity
    package var labels: Labels
    package var taints: [Taint]
    package var state: ComputeHostState
    /// Segments that the host cannot carry. Those that it can are far more, and every new one is among them.
    package var unreachable: Set<ResourceID>
    /// Images that are on the host already.
    package var images: Set<ResourceID>

    package init(
        id: ResourceID, architecture: Architecture, allocatable: Capacity, labels: Labels = Labels(),
        taints: [Taint] = [], state: ComputeHostState = .ready, unreachable: Set<ResourceID> = [],
        images: Set<ResourceID> = []
    ) {
        self.id = id
        self.architecture = architecture
        self.allocatable = allocatable
        self.labels = labels
        self.taints = taints
        self.state = state
        self.unreachable = unreachable
        self.images = images
    }
}

/// What the scheduler must find a host for.
package struct PlacementRequest: Hashable, Sendable {
    /// The VM's.
    package var id: ResourceID
    package var architecture: Architecture
    package var demand: Capacity
    package var wish: PlacementWish
    /// Anti-affinity groups are a project's: two projects may use one name.
    package var project: ResourceID
    /// Of the VM's NICs.
    package var segments: Set<ResourceID>
    package var image: ResourceID?
    /// Whether only hosts that have the image will do; otherwise they are preferred.
    package var needsLocalImage: Bool

    package init(
        id: ResourceID, architecture: Architecture, demand: Capacity, wish: PlacementWish = PlacementWish(),
        project: ResourceID, segments: Set<ResourceID> = [], image: ResourceID? = nil, needsLocalImage: Bool = false
    ) {
        self.id = id
        self.architecture = architecture
        self.demand = demand
        self.wish = wish
        self.project = project
        self.segments = segments
        self.image = image
        self.needsLocalImage = needsLocalImage
    }

    /// The request of a VM with that machine.
    package init(
        id: ResourceID, machine: Machine, wish: PlacementWish, project: ResourceID, segments: Set<ResourceID>,
        image: ResourceID?
    ) {
        self.init(
            id: id, architecture: machine.architecture,
            demand: Capacity(cpus: machine.cpus, memoryMiB: machine.memoryMiB, diskGiB: machine.diskGiB), wish: wish,
            project: project, segments: segments, image: image)
    }

    var groups: [AntiAffinityGroup] { wish.antiAffinity.map { AntiAffinityGroup(project: project, name: $0) } }
}

/// VMs of which no two run on one host.
struct AntiAffinityGroup: Hashable, Sendable {
    let project: ResourceID
    let name: Name
}
