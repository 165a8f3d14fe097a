import CMnl
import NFTables

/// Requests about the gates of ports (RTM_*QDISC, RTM_*TFILTER; linux/pkt_sched.h, linux/pkt_cls.h).
///
/// The gate is a classic BPF program of four instructions where frames leave by a port: it lets through what carries the
/// mark that only the guard's last rule gives, and drops the rest. So a port is closed while the guard's table is gone.
/// All ports share one program, in a block that their queues (clsact) are bound to: a queue with blocks of its own costs
/// more with each one there is, for the kernel looks through all blocks of the machine (`flow_indr_dev_setup_offload`).
extension RequestBuffer {
    /// The block of what ports send, which has the gate, and the one of what they receive, which has nothing.
    static let gateBlock: UInt32 = 0x6b63_0001
    private static let emptyBlock: UInt32 = 0x6b63_0000

    /// A place for programs that see what a device receives and sends.
    /// - Parameter isPort: bound to the blocks of ports.
    func addQueue(index: Int32, isPort: Bool) {
        begin(RTM_NEWQDISC, flags: NLM_F_CREATE | NLM_F_EXCL)
        putQueueHeader(index: index)
        put(TCA_KIND, text: "clsact")
        guard isPort else { return }
        put(TCA_INGRESS_BLOCK, Self.emptyBlock)
        put(TCA_EGRESS_BLOCK, Self.gateBlock)
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

    /// Puts the gate's program in the block of all ports.
    func addGate() {
        begin(RTM_NEWTFILTER, flags: NLM_F_CREATE | NLM_F_EXCL)
        var header = Self.ofGateBlock
        header.tcm_handle = 1
        header.tcm_info = Self.priority << 16 | UInt32(UInt16(ETH_P_ALL).bigEndian)
        put(header: header)
        putGate()
    }

    /// Puts the gate's program in the queue of one device, or in the place of an older one.
    func addGate(index: Int32) {
        begin(RTM_NEWTFILTER, flags: NLM_F_CREATE)
        var header = tcmsg()
        header.tcm_ifindex = index
        header.tcm_parent = Self.clsact & 0xffff_0000 | Self.egress
        header.tcm_handle = 1
        header.tcm_info = Self.priority << 16 | UInt32(UInt16(ETH_P_ALL).bigEndian)
        put(header: header)
        putGate()
    }

    /// A dump of the filters in the block of all ports.
    func getGateFilters() {
        begin(RTM_GETTFILTER)
        put(header: Self.ofGateBlock)
    }

    private func putGate() {
        put(TCA_KIND, text: "bpf")
        nest(TCA_OPTIONS) {
            put(TCA_BPF_OPS_LEN, UInt16(Self.program.count))
            put(TCA_BPF_OPS, Self.program)
            put(TCA_BPF_FLAGS, UInt32(TCA_BPF_FLAG_ACT_DIRECT))
            put(TCA_BPF_NAME, text: "kc-gate")
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
    static var ofGateBlock: tcmsg {
        var header = tcmsg()
        header.tcm_ifindex = -1
        header.tcm_parent = gateBlock
        return header
    }

    /// Before the ones that tc(8) chooses for others (from 49152 downwards), behind 1 to 99 for operators.
    private static let priority: UInt32 = 100
    static let program: [sock_filter] = [
        // SKF_AD_OFF + SKF_AD_MARK: A = skb->mark
        sock_filter(code: UInt16(BPF_LD | BPF_W | BPF_ABS), jt: 0, jf: 0, k: UInt32(bitPattern: -0x1000 + 20)),
        sock_filter(code: UInt16(BPF_JMP | BPF_JEQ | BPF_K), jt: 0, jf: 1, k: KCRuleset.FrameMark.delivered),
        // TC_ACT_UNSPEC: other programs, then the device
        sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: .max),
        // TC_ACT_SHOT
        sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: 2),
    ]
}

/// A device's queue for programs, as the kernel shows it.
struct QueueAnswer {
    let index: Int32
    /// Frames that programs in it dropped.
    var dropped: UInt32 = 0
    /// Bound to the block of all ports.
    var isShared = false

    /// nil when the message is about another kind of queue.
    init?(_ message: Message) {
        guard message.type == RTM_NEWQDISC, let header = message.header(tcmsg.self),
            header.tcm_parent == RequestBuffer.clsact
        else { return nil }
        index = header.tcm_ifindex
        for attribute in message.attributes(after: tcmsg.self) {
            switch attribute.type {
            case TCA_EGRESS_BLOCK: isShared = attribute.uint32 == RequestBuffer.gateBlock
            case TCA_STATS2:
                for part in attribute.nested where part.type == TCA_STATS_QUEUE {
                    // struct gnet_stats_queue: qlen, backlog, drops, requeues, overlimits
                    guard part.bytes.count >= MemoryLayout<gnet_stats_queue>.size else { continue }
                    dropped = part.bytes.loadUnaligned(as: gnet_stats_queue.self).drops
                }
            default: break
            }
        }
    }
}

/// Whether a filter is the gate.
struct GateAnswer {
    /// nil when the message is about another filter: the kernel keeps no names of classic programs.
    init?(_ message: Message) {
        guard message.type == RTM_NEWTFILTER else { return nil }
        for attribute in message.attributes(after: tcmsg.self) where attribute.type == TCA_OPTIONS {
            for part in attribute.nested where part.type == TCA_BPF_OPS {
                if RequestBuffer.program.withUnsafeBytes({ $0.elementsEqual(part.bytes) }) { return }
            }
        }
        return nil
    }
}
