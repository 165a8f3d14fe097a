package import APIClient
import Addressing
import NetworkModel
import Resources

/// Compares a laboratory with its expectations: what the API says, what the kernels of its hosts show, and what its guests
/// hear.
package struct ExpectationChecker: Sendable {
    let laboratory: Laboratory
    let expectations: Expectations
    let client: APIClient

    package init(_ laboratory: Laboratory, _ expectations: Expectations, client: APIClient) {
        self.laboratory = laboratory
        self.expectations = expectations
        self.client = client
    }

    /// Looks until nothing differs or the time is over.
    /// - Returns: what still differs at the end; empty when all is as expected.
    package func settle() async throws(LaboratoryError) -> [Discrepancy] {
        let deadline = ContinuousClock.now + expectations.within
        while true {
            let found = try await check()
            if found.isEmpty || ContinuousClock.now >= deadline { return found }
            do { try await Task.sleep(for: .milliseconds(100)) } catch { return found }
        }
    }

    /// Looks once. Guests are asked only when all else is right: their silence would only repeat it.
    package func check() async throws(LaboratoryError) -> [Discrepancy] {
        let projects = Set(
            expectations.segments.map(\.project) + expectations.attachments.map(\.project)
                + expectations.gateways.map(\.project) + [Name("default")].compactMap(\.self))
        let view = try await ResourceView.read(client, projects: projects)
        var found = hosts(view) + attachments(view) + gateways(view)
        for segment in expectations.segments { found += try await check(segment, view) }
        for host in laboratory.topology.hosts { found += try await strays(on: host, view) }
        if found.isEmpty { found += try await pings(replies: true) }
        if found.isEmpty { found += try await pings(replies: false) }
        return found
    }

    private func hosts(_ view: ResourceView) -> [Discrepancy] {
        expectations.hosts.compactMap { expected in
            compare("host \(expected.name)", view.host(expected.name), phase: expected.phase)
        }
    }

    private func attachments(_ view: ResourceView) -> [Discrepancy] {
        expectations.attachments.compactMap { expected in
            let subject = "attachment \(expected.name)"
            let document = view.attachment(expected.name, in: expected.project)
            if let wrong = compare(subject, document, phase: expected.phase.rawValue) { return wrong }
            guard let document, let host = view.host(expected.host) else {
                return Discrepancy(subject, "its host \(expected.host) does not exist")
            }
            guard document.spec?["host"]?.string == host.id.description else {
                return Discrepancy(subject, "is not on \(expected.host)")
            }
            if let part = expected.message, document.message?.contains(part) != true {
                return Discrepancy(subject, "says '\(document.message ?? "")' and not '\(part)'")
            }
            let learned = learned(document)
            guard learned >= expected.learned else {
                return Discrepancy(subject, "has learned \(learned) addresses, fewer than \(expected.learned)")
            }
            return nil
        }
    }

    private func learned(_ document: ResourceDocument) -> Int {
        guard case .array(let addresses)? = document.status?["addresses"]?.content else { return 0 }
        return addresses.count { address in
            address["origin"]?.string == AttachmentAddress.Origin.learned.rawValue
                && address["value"]?.string.flatMap { IPv6Address($0) }.map { !$0.isLinkLocal } == true
        }
    }

    private func gateways(_ view: ResourceView) -> [Discrepancy] {
        expectations.gateways.compactMap { expected in
            compare(
                "gateway \(expected.name)", view.gateway(expected.name, in: expected.project),
                phase: expected.phase.rawValue)
        }
    }

    private func compare(_ subject: String, _ document: ResourceDocument?, phase: String) -> Discrepancy? {
        guard let document else { return Discrepancy(subject, "does not exist") }
        let actual = document.status?["phase"]?.string ?? "(none)"
        guard actual != phase else { return nil }
        return Discrepancy(subject, "is '\(actual)', not '\(phase)'\(document.message.map { ": \($0)" } ?? "")")
    }

    private func pings(replies: Bool) async throws(LaboratoryError) -> [Discrepancy] {
        var found: [Discrepancy] = []
        for ping in expectations.pings where ping.replies == replies { found += try await check(ping) }
        return found
    }

    private func check(_ ping: ExpectedPing) async throws(LaboratoryError) -> [Discrepancy] {
        let subject = "ping from \(ping.from)"
        let from = try laboratory.machine(ping.from.host)
        var targets: [IPv6Address]
        switch ping.to {
        case .address(let address): targets = [address]
        case .guest(let place):
            targets = try await laboratory.machine(place.host).addresses(ofGuest: place.guest)
            if targets.isEmpty {
                targets = try await laboratory.machine(place.host).linkLocal(ofGuest: place.guest).map { [$0] } ?? []
            }
            guard !targets.isEmpty else { return [Discrepancy(subject, "\(place) has no address yet")] }
        }
        var found: [Discrepancy] = []
        for target in targets {
            let size = ping.size.map { " with \($0) bytes" } ?? ""
            let isHeard = try await from.ping(fromGuest: ping.from.guest, to: target, size: ping.size)
            if isHeard != ping.replies {
                found.append(
                    Discrepancy(subject, "\(target)\(size) \(isHeard ? "answers and must not" : "does not answer")"))
            }
        }
        return found
    }
}
