package import ComputeModel
package import Resources

/// All that the compute service asks of the network: which things there are, by name or id.
///
/// Every method throws a problem that says what is missing; its `field` is the caller's to set.
package protocol NetworkDirectory: Sendable {
    func host(_ reference: Reference<NetworkHost>) async throws(Problem) -> ResourceID
    func segment(_ reference: Reference<NetworkSegment>, of project: ProjectIdentity) async throws(Problem)
        -> ResourceID
    /// - Returns: the id of a policy of the project; a built-in one has none, and is called by its name.
    func policy(_ reference: Reference<NetworkPolicy>, of project: ProjectIdentity) async throws(Problem)
        -> Reference<NetworkPolicy>
    func attachment(_ reference: Reference<NetworkAttachment>, of project: ProjectIdentity) async throws(Problem)
        -> ResourceID
}

/// Which projects there are.
package protocol ProjectDirectory: Sendable {
    /// - Parameter text: a name or an id, as it stands in a path.
    /// - Throws: `notFound` where there is none.
    func project(_ text: String) async throws(Problem) -> ProjectIdentity
}

/// A project of KC's, as whoever let the request in knows it.
package struct ProjectIdentity: Hashable, Sendable {
    package let id: ResourceID
    package let name: Name
    /// What it may have at most.
    package let quotas: Quotas

    package init(id: ResourceID, name: Name, quotas: Quotas = Quotas()) {
        self.id = id
        self.name = name
        self.quotas = quotas
    }
}
