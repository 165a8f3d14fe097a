package import APIClient
package import NetworkModel
package import Resources

/// The control plane behind an API server: `/v1/hosts/{host}/desired`, `…/reports`, `…/lease`.
package struct APIControlPlane: DesiredSource, ReportSink, BindingSink, ProbeSink {
    private let client: APIClient
    /// The host's name or id, as the path takes it.
    private let host: String
    private let agent: AgentInstance

    /// - Parameter agent: this run of the program.
    package init(_ client: APIClient, host: Reference<Host>, agent: AgentInstance = .own) {
        self.client = client
        self.host = host.description
        self.agent = agent
    }

    package func follow(_ deliver: @escaping @Sendable (HostUpdate) -> Void) async throws(ControlPlaneError) {
        do {
            for try await update in try await client.desiredUpdates(host: host) { deliver(update) }
        } catch is CancellationError {
        } catch { throw ControlPlaneError(error) }
    }

    package func send(_ reports: [ResourceReport]) async throws(ControlPlaneError) {
        do { try await client.report(host: host, reports) } catch { throw ControlPlaneError(error) }
    }

    package func renewLease() async throws(ControlPlaneError) -> Revision? {
        do { return try await client.renewLease(host: host, agent: agent) } catch { throw ControlPlaneError(error) }
    }

    package func publish(
        _ list: LearnedAddresses, of segment: ResourceID
    ) async throws(ControlPlaneError) -> LearnedAnswer {
        do { return try await client.publish(host: host, segment: segment, list) } catch {
            throw ControlPlaneError(error)
        }
    }

    package func answer(_ probe: ResourceID, _ result: ProbeResult) async throws(ControlPlaneError) {
        do { try await client.answer(host: host, probe: probe, result) } catch { throw ControlPlaneError(error) }
    }

    package func deliver(
        _ chunk: CaptureChunk, number: Int, of probe: ResourceID
    ) async throws(ControlPlaneError) {
        do { try await client.deliver(host: host, probe: probe, chunk, number: number) } catch {
            throw ControlPlaneError(error)
        }
    }
}

extension ControlPlaneError {
    init(_ error: any Error) {
        switch error {
        case let error as ControlPlaneError: self = error
        case let problem as APIProblem:
            let code: Code =
                switch problem.status {
                case 401, 403: .unauthorized
                case 429, 500...: .unavailable
                default: .refused
                }
            // What a host sees of its deletion: it must not learn whether there is another one.
            let next =
                problem.status == 401
                ? "; if the host was deleted, `kcd node --remove` takes away what is left of it here, and with "
                    + "`kcd join --force` this machine is a host again"
                : ""
            self.init(code, problem.description + next)
        case let failure as APIFailure:
            self.init(failure.code == .protocolViolation ? .malformed : .unreachable, failure.description)
        default: self.init(.unreachable, "\(error)")
        }
    }
}
