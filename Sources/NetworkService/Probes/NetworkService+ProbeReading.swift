import Diagnosis
import NetworkModel
import Resources

/// Probes as clients read them.
extension NetworkService {
    /// A tenant is told neither hosts nor what they measured of themselves.
    func render(
        _ id: ResourceID, _ probe: Probe, _ answers: [ResourceID: ProbeResult], _ view: View
    ) -> [UInt8] {
        let verdict = verdict(probe, answers).map { view == .full ? $0 : $0.forProject }
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("id", id)
            write(probe.question, view, to: &writer)
            writer.member("seconds", probe.seconds)
            writer.member("created", probe.created)
            writer.name("hosts")
            writer.object { writer in
                for (number, host) in probe.hosts.enumerated() {
                    let name = cache.item(.host, host)?.name.text ?? host.description
                    writer.name(view == .full ? name : "\(number + 1)")
                    let answer = view == .full ? answers[host] : answers[host]?.forProject
                    writer.object { writer in writer.member("result", answer) }
                }
            }
            writer.member("verdict", verdict)
        }
        return writer.bytes
    }

    /// The question as readers get it: without the nonce by which a guest could make frames that count.
    private func write(_ question: ProbeQuestion, _ view: View, to writer: inout JSONWriter) {
        guard case .path(let task) = question else { return writer.member("question", question) }
        writer.name("question")
        writer.object { writer in
            writer.member("type", "path")
            writer.member("flow", task.flow)
            if let gateway = task.gateway {
                writer.name("gateway")
                writer.object { writer in
                    writer.member("name", cache.item(.gateway, gateway.id)?.name.text)
                    writer.member("target", gateway.target)
                    writer.member("isOutside", gateway.next == nil)
                }
            }
            writer.name("ends")
            writer.array { writer in
                for end in [task.from, task.to] {
                    let host = cache.item(.host, end.host)
                    let item = end.guest.map { cache.item(.attachment, $0.attachment) } ?? host
                    writer.object { writer in
                        writer.member("name", item?.name.text)
                        writer.member("host", view == .full ? host?.name.text : nil)
                        writer.member("address", end.guest?.address)
                    }
                }
            }
        }
    }

    /// What a probe would be that nobody has to be asked for.
    func refused(_ id: ResourceID, _ verdict: PathVerdict) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("id", id)
            writer.name("question")
            writer.object { writer in writer.member("type", "path") }
            writer.member("seconds", 0)
            writer.member("created", settings.now())
            writer.name("hosts")
            writer.object { _ in }
            writer.member("verdict", verdict)
        }
        return writer.bytes
    }
}

extension ProbeResult {
    /// Without the agent's words, and without what it measured of the host.
    fileprivate var forProject: ProbeResult { ProbeResult(phase, drops: drops) }
}
