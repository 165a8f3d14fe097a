import ComputeModel
import ComputeService
import HTTPServing
import HTTPTypes
import Persistence
import Resources

/// What is asked of VMs beside their documents, and what machine types let them choose.
struct MachineRoutes: Sendable {
    let service: ComputeService

    private static let item = ComputeRoutes.collection(.vm) + "/{item}"

    var routes: [Route] { VirtualMachineAction.allCases.map(action) + [explain, parameters, schema] }

    private func action(_ action: VirtualMachineAction) -> Route {
        let summary =
            switch action {
            case .start: "Lets a VM run."
            case .stop: "Lets a VM end: its guest is told to, and its power is taken when it does not."
            case .reboot: "Lets the guest of a VM that runs begin anew."
            }
        return Route(
            method: .post, path: Self.item + "/\(action.rawValue)", operation: "\(action.rawValue)Vm", summary: summary,
            access: .kind(.vm), parameters: [.ifMatch, .minRevision], answer: .named("Vm")
        ) { request throws(Problem) in
            let project = try request.project()
            return try .written(
                try await service.act(
                    action, on: request.value("item"), in: project,
                    expecting: try request.headers.expectedRevision(), by: request.principal),
                request.admission.view)
        }
    }

    private var explain: Route {
        Route(
            method: .get, path: Self.item + "/explain", operation: "explainVm",
            summary: "Says why a VM is placed where it is, or nowhere: of each compute host what speaks against it.",
            access: .kind(.vm), parameters: [.minRevision, .consistent], answer: .named("PlacementReasons")
        ) { request throws(Problem) in
            let reasons = try service.explain(
                request.value("item"), in: try request.project(), for: request.principal)
            return .json(reasons.json)
        }
    }

    private var parameters: Route {
        Route(
            method: .get, path: ComputeRoutes.collection(.machineType) + "/{item}/parameters",
            operation: "describeMachineTypeParameters",
            summary: "The JSON Schema of what a VM of this type may choose.", access: .kind(.machineType),
            parameters: [.minRevision, .consistent], answer: Schema(#"{"type":"object"}"#),
            mediaType: "application/schema+json"
        ) { request throws(Problem) in
            .json(
                try service.parametersSchema(ofMachineType: request.value("item"), for: request.principal))
        }
    }

    private var schema: Route {
        Route(
            method: .get, path: "/compute/v1/schemas/{kind}", operation: "describeComputeKind",
            summary: "The JSON Schema of the spec of a kind.", access: .authenticated,
            answer: Schema(#"{"type":"object"}"#), mediaType: "application/schema+json"
        ) { request throws(Problem) in
            let text = request.value("kind")
            guard let kind = ComputeKind(rawValue: text) else {
                throw Problem(
                    .notFound, field: "kind", value: text,
                    rule: "must be one of \(ComputeKind.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return .json(ComputeSchemas.spec(kind))
        }
    }
}

extension HTTPServing.RouteRequest<ComputeDesk> {
    func project() throws(Problem) -> ProjectIdentity {
        guard let project = admission.project else { throw Problem(.internal, "the path has no project") }
        return project
    }

    func computeHost() throws(Problem) -> ResourceID {
        guard let host = admission.computeHost else { throw Problem(.internal, "the path has no host") }
        return host
    }
}
