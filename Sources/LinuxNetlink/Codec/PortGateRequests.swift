import CMnl
import NFTables

/// Requests about the gate of a port where the kernel attaches programs to queues alone (RTM_*QDISC, RTM_*TFILTER;
/// linux/pkt_sched.h, linux/pkt_cls.h); newer kernels: ``PortGates``.
///
/// The gate is a classic BPF program of four instructions where frames leave by the port: it lets through what carries
/// the mark that only the guard's last rule gives, and drops the rest. So a port is closed while the guard's table is
/// gone.
extension RequestBuffer {
    /// The place of programs that see what a device receives and sends.
    func addGateQueue(index: Int32) {
        begin(RTM_NEWQDISC, flags: NLM_F_CREATE | NLM_F_EXCL)
        var header = tcmsg()
        header.tcm_ifindex = index
        header.tcm_parent = Self.clsact
        header.tcm_handle = Self.clsact & 0xffff_0000
        put(header: header)
        put(TCA_KIND, text: "clsact")
    }

    /// Puts the program there, or in the place of an older one.
    func addGate(index: Int32) {
        begin(RTM_NEWTFILTER, flags: NLM_F_CREATE)
        var header = tcmsg()
        header.tcm_ifindex = index
        header.tcm_parent = Self.clsact & 0xffff_0000 | Self.egress
        header.tcm_handle = 1
        header.tcm_info = Self.priority << 16 | UInt32(UInt16(ETH_P_ALL).bigEndian)
        put(header: header)
        put(TCA_KIND, text: "bpf")
        nest(TCA_OPTIONS) {
            put(TCA_BPF_OPS_LEN, UInt16(Self.program.count))
            put(TCA_BPF_OPS, Self.program)
            put(TCA_BPF_FLAGS, UInt32(TCA_BPF_FLAG_ACT_DIRECT))
            put(TCA_BPF_NAME, text: "kc-gate")
        }
    }

    func deleteGateQueue(index: Int32) {
        begin(RTM_DELQDISC)
        var header = tcmsg()
        header.tcm_ifindex = index
        header.tcm_parent = Self.clsact
        header.tcm_handle = Self.clsact & 0xffff_0000
        put(header: header)
    }

    /// A dump of the filters of a device in one direction.
    func getFilters(index: Int32, minor: UInt32) {
        begin(RTM_GETTFILTER)
        var header = tcmsg()
        header.tcm_ifindex = index
        header.tcm_parent = Self.clsact & 0xffff_0000 | minor
        put(header: header)
    }

    /// A dump of all queueing disciplines with their counts.
    func getGateQueues() {
        begin(RTM_GETQDISC)
        put(header: tcmsg())
    }

    /// TC_H_CLSACT
    static let clsact: UInt32 = 0xffff_fff1
    /// TC_H_MIN_INGRESS
    static let ingress: UInt32 = 0xfff2
    /// TC_H_MIN_EGRESS
    static let egress: UInt32 = 0xfff3
    /// Before the ones that tc(8) chooses for others (from 49152 downwards), behind 1 to 99 for operators.
    private static let priority: UInt32 = 100
    private static let program: [sock_filter] = [
        // SKF_AD_OFF + SKF_AD_MARK: A = skb->mark
        sock_filter(code: UInt16(BPF_LD | BPF_W | BPF_ABS), jt: 0, jf: 0, k: UInt32(bitPattern: -0x1000 + 20)),
        sock_filter(code: UInt16(BPF_JMP | BPF_JEQ | BPF_K), jt: 0, jf: 1, k: KCRuleset.FrameMark.delivered),
        // TC_ACT_UNSPEC: other programs, then the device
        sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: .max),
        // TC_ACT_SHOT
        sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: 2),
    ]
}

/// How many frames a gate has dropped, as the kernel shows it.
struct GateAnswer {
    let index: Int32
    let dropped: UInt32

    /// nil when the message is about another kind of queue.
    init?(_ message: Message) {
        guard message.type == RTM_NEWQDISC, let header = message.header(tcmsg.self),
            header.tcm_parent == RequestBuffer.clsact
        else { return nil }
        var dropped: UInt32?
        for attribute in message.attributes(after: tcmsg.self) where attribute.type == TCA_STATS2 {
            for part in attribute.nested where part.type == TCA_STATS_QUEUE {
                // struct gnet_stats_queue: qlen, backlog, drops, requeues, overlimits
                guard part.bytes.count >= MemoryLayout<gnet_stats_queue>.size else { continue }
                dropped = part.bytes.loadUnaligned(as: gnet_stats_queue.self).drops
            }
        }
        guard let dropped else { return nil }
        index = header.tcm_ifindex
        self.dropped = dropped
    }
}
