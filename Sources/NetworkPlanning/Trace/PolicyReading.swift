import Addressing
import NFTables
import NetworkModel
import Resources

/// Which policy, and which of its rules, speaks about a packet: in the words of whoever wrote them. The verdict itself is
/// the evaluator's.
struct PolicyReading {
    let attachment: DesiredAttachment
    let snapshot: HostSnapshot
    let packet: WayPacket
    /// Whether the attachment is the one that sends.
    let isSender: Bool
    let writer: TraceWriter

    private var peer: IPv6Address { isSender ? packet.destination : packet.source }
    private var direction: PolicyRule.Direction { isSender ? .egress : .ingress }

    /// The same words that a rule has on the command line: `tcp/443`.
    private var flowText: String {
        switch packet.content {
        case .tcp(_, let port, _): "tcp/\(port)"
        case .udp(_, let port): "udp/\(port)"
        case .icmpv6(let type): "icmpv6/\(type)"
        // Rules have no word for it but all of IPv4.
        case .icmp: "any"
        }
    }

    /// Why it passes.
    func permission(_ evaluation: Evaluation) -> String {
        if case .gateway = attachment.port { return "a gateway's port" }
        let touched = evaluation.changes.contains { $0.kind == .refreshed }
        let isAnswer = evaluation.decidedBy?.chain.text == "deliver" && evaluation.metChain("answer-tcp")
        if touched || isAnswer { return "the answer of a connection that was let through" }
        if attachment.policies.contains(.builtIn(.allowAll)) { return "allow-all" }
        if let (policy, number) = rule {
            return "policy \(writer.name(policy)) rule \(number) lets it \(isSender ? "out" : "in")"
        }
        if isSender { return isFiltering ? "what every policy lets out (RFC 4890)" : "no policy limits what leaves" }
        if isMember, attachment.policies.contains(.builtIn(.allowSegment)) { return "allow-segment: from a member" }
        switch packet.content {
        case .icmpv6, .icmp: return "what every policy lets in (RFC 4890)"
        case .tcp, .udp: break
        }
        return "the answer of a connection that was let through"
    }

    var refusal: String {
        let policies = attachment.policies.map { use in
            if case .policy(let id) = use { writer.name(id) } else { use.description }
        }.joined(separator: ", ")
        return isSender
            ? "no rule lets \(flowText) to \(TraceWriter.text(peer)) out; it has \(policies)"
            : "no rule lets \(flowText) from \(TraceWriter.text(peer)) in; it has \(policies)"
    }

    /// A command that lets exactly this begin.
    var mend: String {
        let prefix = peer.ipv4.map { "\($0)/32" } ?? "\(peer)/128"
        let rule = "'\(flowText) \(direction.peersName) \(prefix)'"
        for case .policy(let id) in attachment.policies {
            let policy = writer.name(id)
            // One without rules for what leaves says nothing about it.
            if isSender, snapshot.policies[id]?.egress == nil { continue }
            return "kcnet policy update \(policy) \(isSender ? "--add-out" : "--add") \(rule)"
        }
        let name = writer.name(attachment.id)
        return
            "kcnet policy create for-\(name) --allow \(rule) && kcnet attachment update \(name) --add-policy for-\(name)"
    }

    private var isMember: Bool {
        let segment = snapshot.segments[attachment.segment]
        if let address = peer.ipv4 { return segment?.ipv4?.prefix.contains(address) == true }
        return peer.isLinkLocal || segment?.prefix?.contains(peer) == true
    }

    private var isFiltering: Bool { PolicyProfile(of: attachment)?.isFilteringEgress(in: snapshot) == true }

    /// The first rule that matches, counted as `kcnet policy show` does.
    private var rule: (policy: ResourceID, number: Int)? {
        for case .policy(let id) in attachment.policies {
            guard let policy = snapshot.policies[id] else { continue }
            for (number, rule) in (isSender ? policy.egress ?? [] : policy.ingress).enumerated()
            where matches(rule) {
                return (id, number + 1)
            }
        }
        return nil
    }

    private func matches(_ rule: PolicyRule) -> Bool {
        if let number = rule.protocol.number, number != packet.transport { return false }
        switch packet.content {
        case .tcp(_, let port, _), .udp(_, let port):
            guard rule.ports.isEmpty || rule.ports.contains(where: { ($0.first...$0.last).contains(port) }) else {
                return false
            }
        case .icmpv6(let type): guard rule.types.isEmpty || rule.types.contains(type) else { return false }
        case .icmp: break
        }
        return snapshot.peers(of: rule).map { $0.contains { $0.contains(peer) } } ?? true
    }
}

extension Evaluation {
    fileprivate func metChain(_ name: String) -> Bool { trail.rules.contains { $0.chain.text == name } }
}
