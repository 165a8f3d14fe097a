import ComputeModel
import ComputePorts
import ComputeService
import HTTPServing
import HTTPTypes
import Persistence
import Resources

/// What the agents of compute hosts call: what they shall run, what they say, and the images of their VMs. A host sees and
/// says what concerns itself alone.
struct HostRoutes: Sendable {
    let service: ComputeService
    let ports: any PortDirectory
    let images: any ImageStore

    private static let host = "/compute/v1/nodes/{host}"

    var routes: [Route] { [desired, lease, hostReport, machineReport, removal, image] }

    private var desired: Route {
        Route(
            method: .get, path: Self.host + "/desired", operation: "followOrders",
            summary: "What the host shall run, as server-sent events: all of it, and then what changes.",
            access: .hostItself, answer: .named("OrderEvent"), mediaType: "text/event-stream"
        ) { request throws(Problem) in
            .events(
                OrderStream(service: service, ports: ports, computeHost: try request.computeHost()).source)
        }
    }

    private var lease: Route {
        Route(
            method: .post, path: Self.host + "/lease", operation: "renewComputeLease",
            summary: "Says that the host's agent is there; without this it counts as lost after 30 s.",
            access: .hostItself, status: .noContent
        ) { request throws(Problem) in
            try await service.renew(try request.computeHost())
            return .nothing()
        }
    }

    private var hostReport: Route {
        Route(
            method: .put, path: Self.host + "/report", operation: "reportComputeHost",
            summary: "Replaces what was said of the host: what it has, and what keeps it from its work.",
            access: .hostItself, body: Schema(#"{"type":"object"}"#), status: .noContent
        ) { request throws(Problem) in
            let report: ComputeHostReport
            do { report = try ComputeHostReport(json: try request.document(), path: "") } catch {
                throw Problem(reading: error)
            }
            guard report.images.count <= 10_000 else {
                throw Problem(field: "images", value: "\(report.images.count)", rule: "must be at most 10000")
            }
            guard report.loss == nil else {
                throw Problem(field: "lost", value: "", rule: "must be absent: who says something is not lost")
            }
            return .nothing(written: try await service.report(report, of: try request.computeHost()))
        }
    }

    private var machineReport: Route {
        Route(
            method: .put, path: Self.host + "/vms/{vm}/report", operation: "reportVm",
            summary: "Replaces what was said of a VM that is placed on the host.", access: .hostItself,
            body: Schema(#"{"type":"object"}"#), maximumBody: 65_536, status: .noContent
        ) { request throws(Problem) in
            let host = try request.computeHost()
            let text = request.value("vm")
            guard let vm = ResourceID(text), service.cache.isPlaced(vm, on: host) else {
                throw Problem(.notFound, "there is no VM \(text.prefix(64)) on this host")
            }
            let report: VirtualMachineReport
            do { report = try VirtualMachineReport(json: try request.document(), path: "") } catch {
                throw Problem(reading: error)
            }
            return .nothing(written: try await service.report(report, of: vm))
        }
    }

    private var removal: Route {
        Route(
            method: .delete, path: Self.host + "/vms/{vm}", operation: "acknowledgeRemoval",
            summary: "Says that nothing is left of a VM whose removal was told: it is told no more.",
            access: .hostItself, status: .noContent
        ) { request throws(Problem) in
            let text = request.value("vm")
            guard let vm = ResourceID(text) else {
                throw Problem(.notFound, "there is no VM \(text.prefix(64)) on this host")
            }
            try await service.acknowledgeRemoval(of: vm, by: try request.computeHost())
            return .nothing()
        }
    }

    private var image: Route {
        Route(
            method: .get, path: Self.host + "/images/{image}", operation: "fetchImage",
            summary: "The bytes of an image that a VM on the host begins with, or the range of them that is asked for.",
            access: .hostItself, parameters: [.range], mediaType: "application/octet-stream"
        ) { request throws(Problem) in
            let host = try request.computeHost()
            let text = request.value("image")
            guard let image = ResourceID(text), service.cache.isNeeded(image, on: host) else {
                throw Problem(.notFound, "no VM on this host begins with an image \(text.prefix(64))")
            }
            return .bytes(try await images.source(of: image, range: request.headers[.range]))
        }
    }
}
