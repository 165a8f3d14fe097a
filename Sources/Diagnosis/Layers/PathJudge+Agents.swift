import Addressing
import NetworkModel
import Resources

/// What was asked for, and who answers.
extension PathJudge {
    var intent: Finding {
        guard let segment = world.segment else {
            return .ok([Evidence("\(world.from.host.name) and \(world.to.host.name), hosts of one underlay")])
        }
        var evidence = [
            Evidence(
                "segment \(segment.name), VNI \(segment.vni.hex), MTU \(segment.mtu.bytes), "
                    + segment.replication.rawValue)
        ]
        for end in [world.from, world.to] {
            guard let guest = end.guest, !guest.policies.isEmpty else { continue }
            evidence.append(
                Evidence("\(end.name) has \(guest.policies.joined(separator: ", "))", for: .project))
        }
        return .ok(evidence)
    }

    var agents: Finding {
        for host in world.hosts {
            switch host.answer {
            case .done: continue
            case .failed(let reason):
                return .fail(
                    PathFault(
                        .agents, "agent", on: host.name, "the agent on \(host.name) cannot measure: \(reason)",
                        mend: "look at the log of `kcd node` on \(host.name)"))
            case .none:
                if cutOff(host) != nil {
                    return .skip("the agent on \(host.name) is silent, and so is the host: see the underlay")
                }
                if let heard = host.heard, heard < world.elapsed {
                    return .fail(
                        PathFault(
                            .agents, "desired state", on: host.name,
                            "the agent on \(host.name) lives (it renewed its lease since it was asked) and has not heard "
                                + "the question: what the API tells it does not come, and it acts on an old state",
                            mend:
                                "restart `kcd node` on \(host.name), or see what holds back long connections between it "
                                + "and the API: proxies, firewalls"))
                }
                let lease = host.isUp ? "its lease is still good: it is stuck or has just gone" : "it counts as down"
                return .fail(
                    PathFault(
                        .agents, "agent", on: host.name,
                        "the agent on \(host.name) has not acknowledged within 1.5 s; \(lease)",
                        mend: "start `kcd node` on \(host.name), or see there why it does not reach the API: "
                            + "/run/kc/node.json"))
            case .measuring:
                return .fail(
                    PathFault(
                        .agents, "agent", on: host.name,
                        "the agent on \(host.name) has acknowledged and not answered within 4 s",
                        mend:
                            "look at the log and the load of `kcd node` on \(host.name), and at its way to the API: is it slow?"
                    ))
            }
        }
        for host in world.hosts { if let fault = clockFault(host) { return .fail(fault) } }
        let states = world.hosts.map { "\($0.name) at revision \($0.findings?.revision ?? .zero)" }
        return .ok([Evidence(states.joined(separator: ", "))])
    }

    /// How far a host's clock is ahead of the server's; negative when behind. It told its time some time between the
    /// question and now.
    private func deviation(_ host: PathWorld.Host) -> Duration? {
        guard let asked = world.asked, let time = host.findings?.time else { return nil }
        let offset = Duration.milliseconds(time.milliseconds - asked.milliseconds)
        if offset < .zero { return offset }
        return offset > world.elapsed ? offset - world.elapsed : .zero
    }

    private func clockFault(_ host: PathWorld.Host) -> PathFault? {
        guard let deviation = deviation(host) else { return nil }
        let check = ClockCheck.check(offset: deviation, uncertainty: .zero)
        guard check.level == .fail else { return nil }
        let seconds = Int((deviation < .zero ? .zero - deviation : deviation) / .seconds(1))
        return PathFault(
            .agents, "clock", on: host.name,
            "the clock of \(host.name) is \(seconds) s \(deviation < .zero ? "behind" : "ahead of") the API's: \(check.why)",
            mend: check.next)
    }

    /// What the other end sees of a host whose agent is silent: a fault when the host itself does not answer either.
    func cutOff(_ host: PathWorld.Host) -> PathFault? {
        guard host.isSilent, !world.isLocal else { return nil }
        let peer = host.id == world.from.host.id ? world.to.host : world.from.host
        let echo = peer.tally(.echo)
        guard peer.findings != nil, echo.onWire == 0 else { return nil }
        if let fault = local(peer, host) { return fault }
        let silence = silence(host, peer, both: true)
        // What somebody has put there says more than that nobody answers.
        if peer.findings?.underlay?.neighbour == .fixed { return silence }
        return PathFault(
            .underlay, host.name, on: host.name,
            "\(host.name) does not answer, its agent included: \(silence.text)",
            mend: "see that \(host.name) is up, that \(host.interface) has a carrier and \(host.vtep); then: "
                + silence.mend)
    }
}
