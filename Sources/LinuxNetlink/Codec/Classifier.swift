import NFTables

/// A program of eBPF that judges frames: classic BPF changes nothing, and needs a queue to be in.
struct Classifier {
    /// At most 15 bytes; by it the program is known in a dump: another program gets another name.
    let name: String
    /// struct bpf_insn: 8 bits of operation, 4 of destination, 4 of source, 16 of offset, 32 of value.
    let instructions: [UInt64]

    init(_ program: Gate.Program) {
        switch program {
        case .test(let mark):
            name = "kc_gate_" + String(mark & 0xffff, radix: 16)
            instructions =
                Self.unless(mark, skip: 2) + [
                    Self.instruction(0xb7, destination: 0, value: -1),  // r0 = TC_ACT_UNSPEC
                    Self.instruction(0x95),  // exit
                ] + Self.drop
        case .testAndClear:
            name = "kc_tunnel_gate1"
            instructions =
                Self.unless(KCRuleset.FrameMark.delivered, skip: 4) + [
                    Self.instruction(0xb7, destination: 2),  // r2 = 0
                    Self.instruction(0x63, destination: 1, source: 2, offset: Self.mark),  // skb->mark = r2
                    Self.instruction(0xb7, destination: 0, value: -1),  // r0 = TC_ACT_UNSPEC
                    Self.instruction(0x95),  // exit
                ] + Self.drop
        }
    }

    private static func unless(_ mark: UInt32, skip: UInt64) -> [UInt64] {
        [
            instruction(0x61, destination: 2, source: 1, offset: Self.mark),  // r2 = skb->mark
            instruction(0x55, destination: 2, offset: skip, value: Int32(bitPattern: mark)),  // jne
        ]
    }

    private static let drop = [
        instruction(0xb7, destination: 0, value: 2),  // r0 = TC_ACT_SHOT
        instruction(0x95),  // exit
    ]

    /// Of `mark` in struct __sk_buff.
    private static let mark: UInt64 = 8

    private static func instruction(
        _ operation: UInt64, destination: UInt64 = 0, source: UInt64 = 0, offset: UInt64 = 0, value: Int32 = 0
    ) -> UInt64 {
        operation | destination << 8 | source << 12 | offset << 16 | UInt64(UInt32(bitPattern: value)) << 32
    }
}
