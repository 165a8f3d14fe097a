package import DomainXML
package import Resources

/// What is there on a compute host: domains, disks, seeds, images.
package struct ObservedComputeHost: Hashable, Sendable {
    /// Ours, by the id of their VM.
    package var domains: [ResourceID: ObservedDomain]
    /// Names of domains that are somebody else's.
    package var foreign: [String]
    package var files: ObservedFiles
    package var acceleration: Domain.Acceleration

    package init(
        domains: [ResourceID: ObservedDomain] = [:], foreign: [String] = [], files: ObservedFiles = ObservedFiles(),
        acceleration: Domain.Acceleration = .tcg
    ) {
        self.domains = domains
        self.foreign = foreign
        self.files = files
        self.acceleration = acceleration
    }
}

package struct ObservedDomain: Hashable, Sendable {
    package enum Phase: Hashable, Sendable {
        case running
        /// It has memory and no processor time: somebody, or a full disk, halted it.
        case paused
        /// Why, with the hypervisor's word.
        case off(String)
    }

    package var phase: Phase
    /// What its definition was made from (`Domain.digest`); empty when it has none that outlives it.
    package var definition: String
    /// The NICs that it has now; empty while it is off.
    package var liveInterfaces: [DomainPort]

    package init(phase: Phase, definition: String, liveInterfaces: [DomainPort] = []) {
        self.phase = phase
        self.definition = definition
        self.liveInterfaces = liveInterfaces
    }

    package var isOff: Bool {
        if case .off = phase { true } else { false }
    }
}

/// The files of VMs on a host.
package struct ObservedFiles: Hashable, Sendable {
    /// Images that are whole.
    package var images: Set<ResourceID>
    package var disks: [ResourceID: Set<ObservedDisk>]
    /// Digests of the seeds that are there.
    package var seeds: [ResourceID: Set<String>]

    package init(
        images: Set<ResourceID> = [], disks: [ResourceID: Set<ObservedDisk>] = [:],
        seeds: [ResourceID: Set<String>] = [:]
    ) {
        self.images = images
        self.disks = disks
        self.seeds = seeds
    }
}

package struct ObservedDisk: Hashable, Sendable {
    /// Of the order that it was made by.
    package var fence: UInt64
    /// What its guest sees.
    package var sizeGiB: UInt64

    package init(fence: UInt64, sizeGiB: UInt64) {
        self.fence = fence
        self.sizeGiB = sizeGiB
    }
}

/// What an agent knows beyond what can be seen.
package struct ComputeMemory: Hashable, Sendable {
    /// VMs that were told to end, and whether their time is over.
    package var ending: [ResourceID: Bool]
    /// VMs that were told to reboot and have not, and whether their time is over.
    package var rebooting: [ResourceID: Bool]
    /// The reboots of each that are done, by the order's count.
    package var reboots: [ResourceID: UInt64]

    package init(
        ending: [ResourceID: Bool] = [:], rebooting: [ResourceID: Bool] = [:], reboots: [ResourceID: UInt64] = [:]
    ) {
        self.ending = ending
        self.rebooting = rebooting
        self.reboots = reboots
    }
}
