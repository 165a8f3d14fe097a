import ComputeModel
package import Resources

/// The kinds this service has.
package enum ComputeKind: String, Hashable, Sendable, CaseIterable {
    case machineType = "machine-type"
    case image
    case vm
    case computeHost = "compute-host"

    package var name: KindName { type.kind }

    /// nil for a plural that names no kind.
    package init?(plural: some StringProtocol) {
        guard let kind = Self.allCases.first(where: { $0.name.plural == plural }) else { return nil }
        self = kind
    }

    var type: any ServedCompute.Type {
        switch self {
        case .machineType: MachineType.self
        case .image: Image.self
        case .vm: VirtualMachine.self
        case .computeHost: ComputeHost.self
        }
    }
}

/// A kind with the rules of its writes. The verbs look only at the state they are given and add conditions and changes to
/// the plan.
protocol ServedCompute: ResourceKind {
    static var tag: ComputeKind { get }

    /// The spec with names of the network's resources replaced by ids; what is as in `old` is not looked up again.
    static func resolve(
        _ spec: Spec, over old: Spec?, _ directory: any NetworkDirectory, _ project: ProjectIdentity?
    ) async throws(Problem) -> Spec
    /// The spec with its references resolved, and what KC decides; `old` is what is changed, nil for a new resource.
    static func admit(
        _ spec: Spec, over old: Resource<Self>?, _ plan: inout ComputePlan, _ state: inout ComputeState
    ) throws(Problem) -> (spec: Spec, assigned: Assigned)
    /// Adds what goes with a new resource.
    static func inserted(_ new: Resource<Self>, _ plan: inout ComputePlan, _ state: inout ComputeState) throws(Problem)
    /// Refuses a deletion, or adds what goes with it.
    static func release(_ old: Resource<Self>, _ plan: inout ComputePlan, _ state: inout ComputeState) throws(Problem)
    /// Writes the members of `status`.
    static func writeStatus(_ resource: Resource<Self>, _ item: ComputeItem, _ view: ComputeView, to: inout JSONWriter)
}

extension ServedCompute {
    static func resolve(
        _ spec: Spec, over old: Spec?, _ directory: any NetworkDirectory, _ project: ProjectIdentity?
    ) async throws(Problem) -> Spec { spec }
    static func inserted(_ new: Resource<Self>, _ plan: inout ComputePlan, _ state: inout ComputeState) throws(Problem)
    {}
    static func writeStatus(
        _ resource: Resource<Self>, _ item: ComputeItem, _ view: ComputeView, to writer: inout JSONWriter
    ) {}

    /// Reads the stored form.
    static func read(_ entry: [UInt8], at revision: Revision) throws -> any AnyResource {
        var resource = try Resource<Self>(json: try JSONParser.parse(kept: entry), path: "")
        resource.metadata.revision = revision
        return resource
    }
}

/// A resource of any kind.
package protocol AnyResource: Sendable {
    var metadata: Metadata { get set }
    var kindName: KindName { get }
    /// The stored form.
    var stored: [UInt8] { get }
    func writeSpec(to writer: inout JSONWriter)
}

extension Resource: AnyResource {
    package var kindName: KindName { Kind.kind }
    package var stored: [UInt8] { json }
    package func writeSpec(to writer: inout JSONWriter) { writer.member("spec", spec) }
}
