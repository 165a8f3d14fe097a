import CMnl

/// Requests about the gates of ports and tunnels (RTM_*QDISC, RTM_*TFILTER; linux/pkt_sched.h, linux/pkt_cls.h).
extension RequestBuffer {
    /// A place for programs that see what a device receives and sends.
    /// - Parameter blocks: those it is bound to; nil: with blocks of its own.
    func addQueue(index: Int32, in blocks: GateBlocks?) {
        begin(RTM_NEWQDISC, flags: NLM_F_CREATE | NLM_F_EXCL)
        putQueueHeader(index: index)
        put(TCA_KIND, text: "clsact")
        guard let blocks else { return }
        put(TCA_INGRESS_BLOCK, blocks.receiving)
        put(TCA_EGRESS_BLOCK, blocks.sending)
    }

    func deleteQueue(index: Int32) {
        begin(RTM_DELQDISC)
        putQueueHeader(index: index)
    }

    /// The queue of one device. Who asks hears the answer only with NLM_F_ECHO; others hear it as news.
    func getQueue(index: Int32) {
        begin(RTM_GETQDISC, flags: NLM_F_ECHO)
        putQueueHeader(index: index)
    }

    /// A dump of all queueing disciplines with their counts.
    func getQueues() {
        begin(RTM_GETQDISC)
        put(header: tcmsg())
    }

    private func putQueueHeader(index: Int32) {
        var header = tcmsg()
        header.tcm_ifindex = index
        header.tcm_parent = Self.clsact
        header.tcm_handle = Self.clsact & 0xffff_0000
        put(header: header)
    }

    /// Puts a gate's program in its block.
    /// - Parameter descriptor: of the program, where it is one of eBPF.
    func addGate(_ gate: Gate, descriptor: Int32?) {
        begin(RTM_NEWTFILTER, flags: NLM_F_CREATE | NLM_F_EXCL)
        var header = Self.header(ofBlock: gate.block)
        header.tcm_handle = 1
        header.tcm_info = Self.place
        put(header: header)
        putProgram(gate.program, descriptor: descriptor)
    }

    /// Puts the program before the guard in a block.
    /// - Parameter replaces: also in the place of another one; otherwise EEXIST.
    func addMarking(_ descriptor: Int32, block: UInt32, replaces: Bool) {
        begin(RTM_NEWTFILTER, flags: NLM_F_CREATE | (replaces ? 0 : NLM_F_EXCL))
        putMarkingHeader(block: block)
        put(TCA_KIND, text: "bpf")
        nest(TCA_OPTIONS) {
            put(TCA_BPF_FD, UInt32(bitPattern: descriptor))
            put(TCA_BPF_NAME, text: "kc_guard")
            put(TCA_BPF_FLAGS, UInt32(TCA_BPF_FLAG_ACT_DIRECT))
        }
    }

    func deleteMarking(block: UInt32) {
        begin(RTM_DELTFILTER)
        putMarkingHeader(block: block)
        put(TCA_KIND, text: "bpf")
    }

    private func putMarkingHeader(block: UInt32) {
        var header = Self.header(ofBlock: block)
        header.tcm_handle = 1
        header.tcm_info = Self.place
        put(header: header)
    }

    /// Whether the message is about a filter in the place of the program before the guard.
    static func isMarking(_ message: Message) -> Bool {
        guard message.type == RTM_NEWTFILTER, let header = message.header(tcmsg.self) else { return false }
        return header.tcm_handle == 1 && header.tcm_info == place
    }

    /// Puts the gate of ports in the queue of one device, or in the place of an older one.
    func addPortGate(index: Int32) {
        begin(RTM_NEWTFILTER, flags: NLM_F_CREATE)
        var header = tcmsg()
        header.tcm_ifindex = index
        header.tcm_parent = Self.clsact & 0xffff_0000 | Self.egress
        header.tcm_handle = 1
        header.tcm_info = Self.place
        put(header: header)
        for gate in GateKind.port.gates { putProgram(gate.program, descriptor: nil) }
    }

    /// A dump of the filters in a block.
    func getFilters(ofBlock block: UInt32) {
        begin(RTM_GETTFILTER)
        put(header: Self.header(ofBlock: block))
    }

    private func putProgram(_ program: Gate.Program, descriptor: Int32?) {
        put(TCA_KIND, text: "bpf")
        nest(TCA_OPTIONS) {
            switch program {
            case .test(let mark):
                let instructions = Gate.instructions(of: mark)
                put(TCA_BPF_OPS_LEN, UInt16(instructions.count))
                put(TCA_BPF_OPS, instructions)
                put(TCA_BPF_NAME, text: "kc-gate")
            case .testAndClear:
                put(TCA_BPF_FD, UInt32(bitPattern: descriptor ?? -1))
                put(TCA_BPF_NAME, text: Classifier(program).name)
            }
            put(TCA_BPF_FLAGS, UInt32(TCA_BPF_FLAG_ACT_DIRECT))
        }
    }

    /// TC_H_CLSACT
    static let clsact: UInt32 = 0xffff_fff1
    /// TC_H_MIN_INGRESS
    static let ingress: UInt32 = 0xfff2
    /// TC_H_MIN_EGRESS
    static let egress: UInt32 = 0xfff3

    /// Of a filter in a block instead of a queue: no device (TCM_IFINDEX_MAGIC_BLOCK), and the block where the parent
    /// would be.
    static func header(ofBlock block: UInt32) -> tcmsg {
        var header = tcmsg()
        header.tcm_ifindex = -1
        header.tcm_parent = block
        return header
    }

    /// For all protocols, with a priority before the ones that tc(8) chooses for others (from 49152 downwards), behind 1 to 99
    /// for operators.
    private static let place = 100 << 16 | UInt32(UInt16(ETH_P_ALL).bigEndian)
}

/// A device's queue for programs, as the kernel shows it.
struct QueueAnswer {
    let index: Int32
    /// Frames that programs in it dropped.
    var dropped: UInt32 = 0
    /// Those of KC's that it is bound to; nil when it has its own.
    var blocks: GateBlocks?

    /// nil when the message is about another kind of queue.
    init?(_ message: Message) {
        guard message.type == RTM_NEWQDISC, let header = message.header(tcmsg.self),
            header.tcm_parent == RequestBuffer.clsact
        else { return nil }
        index = header.tcm_ifindex
        var receiving: UInt32?
        var sending: UInt32?
        for attribute in message.attributes(after: tcmsg.self) {
            switch attribute.type {
            case TCA_INGRESS_BLOCK: receiving = attribute.uint32
            case TCA_EGRESS_BLOCK: sending = attribute.uint32
            case TCA_STATS2:
                for part in attribute.nested where part.type == TCA_STATS_QUEUE {
                    // struct gnet_stats_queue: qlen, backlog, drops, requeues, overlimits
                    guard part.bytes.count >= MemoryLayout<gnet_stats_queue>.size else { continue }
                    dropped = part.bytes.loadUnaligned(as: gnet_stats_queue.self).drops
                }
            default: break
            }
        }
        blocks = GateBlocks(receiving: receiving, sending: sending)
    }
}

/// Whether a filter is the gate.
struct GateAnswer {
    let program: Gate.Program

    private static let clearing = Classifier(.testAndClear).name

    /// nil when the message is about another filter. The kernel keeps no names of classic programs, and no text of
    /// others.
    init?(_ message: Message) {
        guard message.type == RTM_NEWTFILTER else { return nil }
        for attribute in message.attributes(after: tcmsg.self) where attribute.type == TCA_OPTIONS {
            for part in attribute.nested {
                switch part.type {
                case TCA_BPF_OPS:
                    for case .test(let mark) in GateKind.allCases.flatMap(\.gates).map(\.program)
                    where Gate.instructions(of: mark).withUnsafeBytes({ $0.elementsEqual(part.bytes) }) {
                        program = .test(mark)
                        return
                    }
                case TCA_BPF_NAME where part.text == Self.clearing:
                    program = .testAndClear
                    return
                default: break
                }
            }
        }
        return nil
    }
}
