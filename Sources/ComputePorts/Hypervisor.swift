package import ComputePlanning
package import DomainXML
package import Resources

/// What runs the VMs of one host. Each verb may be repeated: what is so already is success.
///
/// Layer 4. A call ends within a time that the adapter bounds, with an error when the hypervisor does not answer; what
/// became of it then only a new look tells. Nothing here touches a domain that is not KC's.
package protocol Hypervisor: Sendable {
    /// Hints that something may have changed, until the stream is dropped. Not everything is told.
    func events() -> AsyncStream<HypervisorEvent>
    /// Every domain of the host.
    func look() async throws(HypervisorError) -> HypervisorView
    /// What the machine has.
    func capacity() async throws(HypervisorError) -> MachineCapacity
    /// Makes a domain known, or replaces what it shall be at its next start. Never starts it.
    func define(_ domain: Domain) async throws(HypervisorError)
    func start(_ vm: ResourceID) async throws(HypervisorError)
    /// Tells the guest to end; whether it does only a look tells.
    func shutdown(_ vm: ResourceID) async throws(HypervisorError)
    /// Takes its power. Returns when its process is gone.
    func destroy(_ vm: ResourceID) async throws(HypervisorError)
    /// Tells the guest to boot again; `rebooted` tells when it does.
    func reboot(_ vm: ResourceID) async throws(HypervisorError)
    /// Boots it again without asking.
    func reset(_ vm: ResourceID) async throws(HypervisorError)
    /// Forgets a domain that is off.
    func undefine(_ vm: ResourceID) async throws(HypervisorError)
    /// Adds a NIC to a domain that runs; its definition is not changed.
    func attach(_ interface: DomainInterface, to vm: ResourceID) async throws(HypervisorError)
    /// Asks a guest that runs to let go of a NIC; a guest may take its time.
    func detach(_ port: DomainPort, from vm: ResourceID) async throws(HypervisorError)
    /// Opens the serial console of a domain that runs; the caller closes it.
    /// - Parameter force: whoever else has it open on the host loses it; without it that is refused.
    func openConsole(of vm: ResourceID, force: Bool) async throws(HypervisorError) -> any ConsoleLine
}

package enum HypervisorEvent: Hashable, Sendable {
    /// A domain came, went, started or ended, or the connection did.
    case changed
    /// A guest has booted again.
    case rebooted(ResourceID)
}

package struct HypervisorView: Hashable, Sendable {
    package var domains: [ResourceID: ObservedDomain]
    /// Names of domains that are somebody else's, or cannot be read, in order.
    package var foreign: [String]

    package init(domains: [ResourceID: ObservedDomain], foreign: [String]) {
        self.domains = domains
        self.foreign = foreign
    }
}

package struct MachineCapacity: Hashable, Sendable {
    /// Threads of the CPUs.
    package var cpus: UInt64
    package var memoryMiB: UInt64

    package init(cpus: UInt64, memoryMiB: UInt64) {
        self.cpus = cpus
        self.memoryMiB = memoryMiB
    }
}

/// A failed call on a hypervisor, with its own words.
package struct HypervisorError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// Nobody answers where it should be: try again.
        case unreachable
        /// It was asked and did not answer in time: what became of it is not known.
        case timedOut
        /// There is no such domain.
        case absent
        /// The domain is somebody else's.
        case foreign
        /// It refuses; `cause` says why.
        case refused
    }

    package let code: Code
    package let operation: String
    package let subject: String
    package let cause: String

    package init(_ code: Code, operation: String, subject: String, cause: String) {
        self.code = code
        self.operation = operation
        self.subject = subject
        self.cause = cause
    }

    package var description: String { "\(operation) \(subject): \(cause)" }
}
