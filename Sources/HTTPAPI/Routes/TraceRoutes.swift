import Addressing
import HTTPServing
import Hummingbird
import NetworkModel
import NetworkService
import Resources

/// Predictions from plans.
struct TraceRoutes: Sendable {
    let service: NetworkService

    var routes: [Route] { [trace, explain] }

    private var trace: Route {
        Route(
            method: .get, path: "/v1/projects/{project}/trace", operation: "readTrace",
            summary: "Predicts the way of a frame and of its answer from the hosts' plans; asks no host.",
            access: .kind(.attachment, .read),
            parameters: [
                end("from", "An attachment by name, id or address, an address outside, or `outside`."),
                end("to", "The other end."), flow, fromPort, source, at, .minRevision, .consistent,
            ], answer: .named("Trace")
        ) { request throws(Problem) in
            let trace = try await service.trace(
                project: request.value("project"), try draft(request.query), for: request.principal)
            return .json((request.view == .full ? trace : trace.forProject).json)
        }
    }

    private var explain: Route {
        Route(
            method: .post, path: "/v1/projects/{project}/attachments/{item}/explain", operation: "explainFrame",
            summary: "Says why a frame is dropped at the attachment's port; changes nothing and asks no host.",
            access: .kind(.attachment, .read), parameters: [.minRevision], body: .named("FrameToExplain"),
            answer: .named("FrameExplanation")
        ) { request throws(Problem) in
            let frame: DroppedFrame
            do { frame = try DroppedFrame(json: try request.document(), path: "") } catch {
                throw Problem(reading: error)
            }
            let explanation = try await service.explain(
                frame, project: request.value("project"), attachment: request.value("item"))
            return .json((request.view == .full ? explanation : explanation.forProject).json)
        }
    }

    private func end(_ name: String, _ summary: String) -> Parameter {
        Parameter(name: name, summary: summary, schema: .text(100))
    }

    private var flow: Parameter {
        Parameter(
            name: "flow", summary: "icmpv6 (the default), icmpv6/TYPE, tcp/PORT or udp/PORT.", schema: .text(20))
    }

    private var fromPort: Parameter {
        Parameter(
            name: "fromPort", summary: "The port that it is sent from, 49152 by default.",
            schema: Schema(#"{"type":"integer","minimum":1,"maximum":65535}"#))
    }

    private var source: Parameter {
        Parameter(
            name: "source", summary: "Another source address than the attachment's own.", schema: .text(50))
    }

    private var at: Parameter {
        Parameter(name: "at", summary: "The plans of an earlier revision of the store.", schema: .revision)
    }

    private func draft(_ query: Query) throws(Problem) -> TraceDraft {
        func required(_ name: String) throws(Problem) -> String {
            guard let text = query[name], !text.isEmpty else {
                throw Problem(field: name, value: "", rule: "is required")
            }
            return text
        }
        let text = query["flow"] ?? "icmpv6"
        guard let flow = TraceFlow(text) else {
            throw Problem(field: "flow", value: String(text.prefix(64)), rule: TraceFlow.rule)
        }
        var draft = TraceDraft(from: try required("from"), to: try required("to"), flow: flow)
        if let number = try query.number("fromPort") {
            guard let port = UInt16(exactly: number), port > 0, flow.hasPorts else {
                throw Problem(
                    field: "fromPort", value: "\(number)", rule: "must be from 1 to 65535, and is of tcp and udp alone")
            }
            draft.fromPort = port
        }
        if let text = query["source"] {
            do { draft.source = try IPv4Address(text)?.mapped ?? IPv6Address(parsing: text) } catch {
                throw Problem(
                    field: "source", value: String(text.prefix(64)), rule: "must be an IPv6 or IPv4 address")
            }
        }
        draft.at = try query.revision("at")
        return draft
    }
}
