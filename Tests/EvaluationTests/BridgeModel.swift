import Addressing
import Glibc
import NFTables

@testable import NetworkPlanning

/// What a Linux bridge without VLAN filtering, snooping, learning and spanning tree does with a frame, with the guard
/// at its hooks (net/bridge/br_input.c, br_forward.c).
struct BridgeModel {
    let world: World
    let evaluator: FrameEvaluator
    var state = EvaluationState()
    /// br_netfilter is there.
    var isNetfilterBridged = access("/proc/sys/net/bridge", F_OK) == 0

    /// Where a frame comes out.
    struct Outcome {
        /// Numbers of ports.
        var delivered: [Int] = []
        var isToHost = false
        /// In words, for whoever looks for a difference.
        var story: [String] = []
    }

    mutating func send(_ bytes: [UInt8], from number: Int, now: UInt64) -> Outcome {
        var outcome = Outcome()
        guard let frame = EvaluatedFrame(bytes), let destination = MACAddress(bytes: bytes[..<6]),
            let source = MACAddress(bytes: bytes[6..<12])
        else { return outcome }
        let port = world.ports[number]
        // is_valid_ether_addr
        guard source.isUsable else { return outcome }
        let isReserved = destination.value & 0xffff_ffff_fff0 == 0x0180_c200_0000
        if isReserved, destination.value & 15 != 0 {
            if destination.value & 15 != 1 {
                let result = evaluator.evaluate(
                    frame, at: .input, input: port.interface, output: nil, now: now, state: &state)
                outcome.tell("input", result)
            }
            return outcome
        }
        let came = evaluator.evaluate(
            frame, at: .prerouting, input: port.interface, output: nil, now: now, state: &state)
        outcome.tell("from \(port.name)", came)
        guard came.verdict == .accept else { return outcome }
        let tagLength = frame.tag == nil ? 0 : 4
        // br_netfilter, where it is loaded, looks behind a second VLAN tag and PPPoE even when it is told to do nothing
        // (nf_bridge_encap_header_len, net/bridge/br_netfilter_hooks.c).
        let needed = [0x8100: 4, 0x8864: 8][Int(bytes[tagLength + 12]) << 8 | Int(bytes[tagLength + 13])]
        if isNetfilterBridged, bytes.count - 14 - tagLength < needed ?? 0 { return outcome }
        let known = world.ports.firstIndex { $0.mac == destination }
        let isToBridge = destination == World.bridgeMAC
        if !isToBridge {
            // Ports are flooded from the one that was added last (br_add_if, br_flood).
            for (egress, other) in world.ports.enumerated().reversed() where egress != number {
                if let known, known != egress { continue }
                let left = evaluator.evaluate(
                    frame, at: .postrouting, input: nil, output: other.interface, mark: came.mark, now: now,
                    state: &state)
                outcome.tell("to \(other.name)", left)
                if left.verdict == .accept { outcome.delivered.append(egress) }
            }
        }
        if isToBridge || destination.isGroup {
            let up = evaluator.evaluate(
                frame, at: .input, input: port.interface, output: nil, mark: came.mark, now: now, state: &state)
            outcome.tell("to the host", up)
            outcome.isToHost = up.verdict == .accept
        }
        return outcome
    }
}

extension BridgeModel.Outcome {
    fileprivate mutating func tell(_ place: String, _ result: Evaluation) {
        let rule = result.decidedBy.map { "\($0)" } ?? "no chain"
        story.append(
            "\(place): \(result.verdict) by \(rule), mark \(String(result.mark, radix: 16)), "
                + result.changes.map { "\($0.kind) in \($0.set)" }.joined(separator: ", "))
    }
}
