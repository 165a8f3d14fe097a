package import Resources

/// What a store transaction must find unchanged for a placement to be true, and what it writes.
///
/// A scheduler decides on what it has seen, which may be old. The transaction compares and writes at once, so of two
/// schedulers that saw the same room one succeeds; the other looks again. All VMs of a host share its `load`, so
/// that everything which two VMs on one host could break (room, anti-affinity) is broken by none.
package struct PlacementReservation: Hashable, Sendable {
    /// A record in the store; the service gives them keys.
    package enum Record: Hashable, Sendable {
        /// The VM as its user wants it.
        case vm(ResourceID)
        /// Where that VM is: absent while it has no place.
        case place(vm: ResourceID)
        /// The compute host as its operator wants it: labels, taints, cordoned, over-commit.
        case host(ResourceID)
        /// What the host's agent says it has, and whether it is lost.
        case report(host: ResourceID)
        /// Written with every placement on the host and every one that ends; its revision counts them. It is made with
        /// the host.
        case load(host: ResourceID)
    }

    package enum Precondition: Hashable, Sendable {
        /// The record is there and was last written at that revision.
        case unchanged(Record, Revision)
        case absent(Record)
    }

    /// At which revisions a scheduler saw what it decided by.
    package struct Seen: Hashable, Sendable {
        package var vm: Revision
        package var host: Revision
        package var report: Revision
        package var load: Revision

        package init(vm: Revision, host: Revision, report: Revision, load: Revision) {
            self.vm = vm
            self.host = host
            self.report = report
            self.load = load
        }
    }

    package let vm: ResourceID
    package let host: ResourceID
    package let preconditions: Set<Precondition>
    /// All in the same transaction. `place` gets the host's id; what `load` gets does not matter, that it is written does.
    package let written: Set<Record>

    /// For a VM that is to have a place.
    package init(placing vm: ResourceID, on host: ResourceID, seen: Seen) {
        self.vm = vm
        self.host = host
        preconditions = [
            .unchanged(.vm(vm), seen.vm), .absent(.place(vm: vm)), .unchanged(.host(host), seen.host),
            .unchanged(.report(host: host), seen.report), .unchanged(.load(host: host), seen.load),
        ]
        written = [.place(vm: vm), .load(host: host)]
    }

    /// For a VM that has a place and is to have none, once it does not run there any more. That room comes free breaks no
    /// one's decision, so the load's revision is not compared; it moves, so that those who decide without it look again.
    package init(releasing vm: ResourceID, from host: ResourceID, placeSeen: Revision) {
        self.vm = vm
        self.host = host
        preconditions = [.unchanged(.place(vm: vm), placeSeen)]
        written = [.place(vm: vm), .load(host: host)]
    }
}
