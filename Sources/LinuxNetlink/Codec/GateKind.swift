import Addressing
import CMnl
import NFTables

/// Whose gates they are. All devices of a kind share two blocks of programs, one for what they receive and one for what
/// they send: a queue (clsact) with blocks of its own costs more with each one there is, for the kernel looks through
/// all blocks of the machine (`flow_indr_dev_setup_offload`).
enum GateKind: CaseIterable {
    /// `kct…`: nothing leaves by it but what the guard's last rule has marked.
    case port
    /// `kcx…`: the same where frames leave, which takes the mark away before VXLAN copies it to the outer packet; and
    /// nothing comes out of it but what the rule about known tunnel endpoints has marked.
    case tunnel

    /// nil for a device without gates.
    init?(_ name: InterfaceName) {
        if name.isPort {
            self = .port
        } else if name.isTunnel {
            self = .tunnel
        } else {
            return nil
        }
    }

    /// The block of what such devices receive.
    var receivingBlock: UInt32 {
        switch self {
        case .port: 0x6b63_0000
        case .tunnel: 0x6b63_0002
        }
    }

    /// The block of what they send.
    var sendingBlock: UInt32 {
        switch self {
        case .port: 0x6b63_0001
        case .tunnel: 0x6b63_0003
        }
    }

    /// The programs that make such a device closed while there is no ruleset.
    var gates: [Gate] {
        switch self {
        case .port: [Gate(block: sendingBlock, program: .test(KCRuleset.FrameMark.delivered))]
        case .tunnel:
            [
                Gate(block: receivingBlock, program: .test(KCRuleset.FrameMark.fromEndpoint)),
                Gate(block: sendingBlock, program: .testAndClear),
            ]
        }
    }
}

/// One program in a block.
struct Gate: Hashable {
    enum Program: Hashable {
        /// Lets through what has this mark, and drops the rest: classic BPF, four instructions.
        case test(UInt32)
        /// Lets through what has the mark `delivered`, without it from then on: eBPF, for classic programs change
        /// nothing.
        case testAndClear
    }

    let block: UInt32
    let program: Program

    /// A classic program that compares the mark.
    static func instructions(of mark: UInt32) -> [sock_filter] {
        [
            // SKF_AD_OFF + SKF_AD_MARK: A = skb->mark
            sock_filter(code: UInt16(BPF_LD | BPF_W | BPF_ABS), jt: 0, jf: 0, k: UInt32(bitPattern: -0x1000 + 20)),
            sock_filter(code: UInt16(BPF_JMP | BPF_JEQ | BPF_K), jt: 0, jf: 1, k: mark),
            // TC_ACT_UNSPEC: other programs, then the device
            sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: .max),
            // TC_ACT_SHOT
            sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: 2),
        ]
    }
}
