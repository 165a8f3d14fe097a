import Addressing
import CMnl
import NFTables

/// Whose gates they are. Devices of a kind share two blocks of programs, one for what they receive and one for what
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

    /// The programs that make such a device closed while there is no ruleset, in the blocks of devices made singly.
    var gates: [Gate] { GateBlocks(self).gates }
}

/// The two blocks that devices of one kind share.
///
/// Those made one by one have the blocks of number 0. To bind a device to a block that has its program already the kernel
/// waits for a grace period, with the lock of all devices held, so that many made together get blocks of another number,
/// which have no program yet (LinkWork+Together).
struct GateBlocks: Hashable {
    let kind: GateKind
    let number: UInt32

    /// The numbers that there are: identifiers of blocks are 0x6b63_0000 to 0x6b63_ffff.
    static let numbers: Range<UInt32> = 0..<0x4000

    init(_ kind: GateKind, number: UInt32 = 0) {
        self.kind = kind
        self.number = number
    }

    /// nil when the blocks are not KC's.
    init?(receiving: UInt32?, sending: UInt32?) {
        guard let receiving, let sending, receiving >> 16 == Self.base >> 16 else { return nil }
        for kind in GateKind.allCases {
            let blocks = GateBlocks(kind, number: (receiving & 0xffff) / 4)
            guard blocks.receiving == receiving, blocks.sending == sending else { continue }
            self = blocks
            return
        }
        return nil
    }

    /// The block of what such devices receive.
    var receiving: UInt32 {
        switch kind {
        case .port: Self.base + 4 * number
        case .tunnel: Self.base + 4 * number + 2
        }
    }

    /// The block of what they send.
    var sending: UInt32 { receiving + 1 }

    /// The programs that must be there.
    var gates: [Gate] {
        switch kind {
        case .port: [Gate(block: sending, program: .test(KCRuleset.FrameMark.delivered))]
        case .tunnel:
            [
                Gate(block: receiving, program: .test(KCRuleset.FrameMark.fromEndpoint)),
                Gate(block: sending, program: .testAndClear),
            ]
        }
    }

    /// The place of the program before the guard, which may be missing; nil for devices that have none.
    var marking: UInt32? { kind == .port ? receiving : nil }

    private static let base: UInt32 = 0x6b63_0000
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
