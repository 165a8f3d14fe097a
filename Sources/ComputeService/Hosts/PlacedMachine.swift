package import ComputeModel
import Persistence
package import Resources
import Synchronization

/// One VM that has a place: all that its host is told of it, but its ports.
package struct PlacedMachine: Hashable, Sendable {
    package var id: ResourceID
    package var project: ProjectIdentity
    package var name: Name
    package var generation: UInt64
    /// The revision of its place.
    package var fence: UInt64
    package var computeHost: ResourceID
    /// KC's host that the compute host is.
    package var host: ResourceID
    package var machine: Machine
    package var image: ImageOrder
    /// Whether all of the image's bytes are there.
    package var hasImage: Bool
    /// With ids.
    package var networks: [NetworkInterface]
    /// One for each of them, by which its port is known.
    package var numbers: [UInt64]
    package var guest: GuestOrder
    package var power: VirtualMachine.Power
    package var reboots: UInt64
}

/// The VMs that have a place, at one moment.
package struct Placed: Sendable {
    /// Of all of them, also of those that are not whole: a VM is gone from its host only when its place is.
    package var ids: Set<ResourceID>
    package var machines: [PlacedMachine]
    package var revision: Revision
}

extension ComputeCache {
    /// The compute host that is part of that host of KC's; nil when there is none.
    package func computeHost(of host: ResourceID) -> ComputeItem? {
        state.withLock { state in
            state.all(.computeHost, project: nil).first { $0.unwrap(ComputeHost.self)?.spec.host.id == host }
        }
    }

    /// The compute host with that name or id.
    package func computeHost(_ text: String) -> ComputeItem? {
        state.withLock { $0.item(.computeHost, project: nil, text) }
    }

    /// KC's host that a compute host is.
    package func host(of computeHost: ResourceID) -> ResourceID? {
        state.withLock { $0.resource(computeHost, as: ComputeHost.self)?.spec.host.id }
    }

    /// The VMs of a compute host, by id; with nil those of all that have a place.
    package func placed(on computeHost: ResourceID? = nil) -> Placed {
        state.withLock { state in
            let ids = computeHost.map { state.residents[$0, default: []] } ?? Set(state.places.keys)
            return Placed(ids: ids, machines: ids.sorted().compactMap { state.placed($0) }, revision: state.revision)
        }
    }

    /// One VM that has a place; nil for any other.
    package func placed(_ vm: ResourceID) -> PlacedMachine? { state.withLock { $0.placed(vm) } }

    /// All VMs, with and without a place; one that has a place is there even if its document cannot be read.
    package var machineIDs: Set<ResourceID> {
        state.withLock { state in
            Set(state.items.values.lazy.filter { $0.kind == .vm }.map(\.id)).union(state.places.keys)
        }
    }

    /// Whether a VM's place is on that compute host.
    package func isPlaced(_ vm: ResourceID, on computeHost: ResourceID) -> Bool {
        state.withLock { $0.places[vm]?.value.host == computeHost }
    }

    /// Whether a VM of that compute host begins with the image.
    package func isNeeded(_ image: ResourceID, on computeHost: ResourceID) -> Bool {
        state.withLock { state in
            state.users[image, default: []].contains { state.places[$0]?.value.host == computeHost }
        }
    }
}

extension ComputeState {
    fileprivate func placed(_ vm: ResourceID) -> PlacedMachine? {
        guard let place = places[vm], let item = items[vm], let project = item.projectID,
            let resource: Resource<VirtualMachine> = item.unwrap(), let projectName = resource.metadata.project,
            let image = resource.spec.image.id, let bytes = self.resource(image, as: Image.self),
            let host = self.resource(place.value.host, as: ComputeHost.self)?.spec.host.id
        else { return nil }
        let said: ImageReport? = report(image)
        return PlacedMachine(
            id: vm, project: ProjectIdentity(id: project, name: projectName), name: item.name,
            generation: resource.metadata.generation, fence: place.revision.value, computeHost: place.value.host,
            host: host, machine: resource.assigned.machine,
            image: ImageOrder(
                id: image, format: bytes.spec.format, size: bytes.spec.size, sha256: bytes.spec.sha256),
            hasImage: said?.state == .ready, networks: resource.spec.networks,
            numbers: resource.assigned.numbers(of: resource.spec.networks),
            guest: GuestOrder(
                instance: vm, hostname: item.name, sshKeys: resource.spec.sshKeys, userData: resource.spec.userData),
            power: resource.spec.power, reboots: resource.assigned.reboots)
    }
}
