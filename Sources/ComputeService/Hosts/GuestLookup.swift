package import ComputeModel
package import Resources

/// Which VM an attachment is, told to the host that routes its segment and offers its guests a service.
package protocol GuestLookup: Sendable {
    /// - Throws: `notFound`, in the same words, for an attachment that there is not, one without a VM, and one whose guests
    ///   that host serves nothing; `unavailable` while it cannot be said.
    func facts(of attachment: ResourceID, for host: Reference<NetworkHost>) async throws(Problem) -> GuestFacts
}
