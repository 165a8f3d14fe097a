import CMnl
import NetworkModel

/// Requests about the filters through which probes put frames in at a port and take them out (cls_bpf and act_mirred,
/// linux/tc_act/tc_mirred.h).
extension RequestBuffer {
    /// Behind the gate of a port, which is at 100: what it stops never crosses.
    private static let crossing: UInt32 = 101

    /// Where a filter is.
    enum Place {
        case receiving(Int32)
        /// Where frames leave by a port: in the block of all ports, or in a queue of its own.
        case leaving(Int32, block: UInt32?)
    }

    private func beginFilter(_ type: Int, flags: Int32, at place: Place, handle: UInt32) {
        begin(type, flags: flags)
        var header = tcmsg()
        switch place {
        case .receiving(let index):
            header.tcm_ifindex = index
            header.tcm_parent = Self.clsact & 0xffff_0000 | Self.ingress
        case .leaving(_, let block?): header = Self.header(ofBlock: block)
        case .leaving(let index, nil):
            header.tcm_ifindex = index
            header.tcm_parent = Self.clsact & 0xffff_0000 | Self.egress
        }
        header.tcm_handle = handle
        header.tcm_info = Self.crossing << 16 | UInt32(UInt16(ETH_P_ALL).bigEndian)
        put(header: header)
    }

    /// Sends everything that the device receives on, as if another one had received it.
    func addEntrance(index: Int32, to port: Int32) {
        beginFilter(RTM_NEWTFILTER, flags: NLM_F_CREATE, at: .receiving(index), handle: 1)
        let all = [sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: .max)]
        putRedirect(all, action: Int32(TCA_INGRESS_REDIR), to: port)
    }

    /// Sends what the port would send, and has the nonce, out of another device instead.
    /// - Parameter offset: of the nonce in the frame.
    func addExit(at place: Place, handle: UInt32, nonce: ProbeNonce, offset: Int, to index: Int32) {
        beginFilter(RTM_NEWTFILTER, flags: NLM_F_CREATE | NLM_F_EXCL, at: place, handle: handle)
        putRedirect(Self.match(nonce, at: offset, place), action: Int32(TCA_EGRESS_REDIR), to: index)
    }

    /// - Parameter handle: 0 removes all of them.
    func deleteExit(at place: Place, handle: UInt32) {
        beginFilter(RTM_DELTFILTER, flags: 0, at: place, handle: handle)
        if handle != 0 { put(TCA_KIND, text: "bpf") }
    }

    private func putRedirect(_ program: [sock_filter], action: Int32, to index: Int32) {
        put(TCA_KIND, text: "bpf")
        nest(TCA_OPTIONS) {
            put(TCA_BPF_OPS_LEN, UInt16(program.count))
            put(TCA_BPF_OPS, program)
            nest(TCA_BPF_ACT) {
                nest(1) {
                    put(TCA_ACT_KIND, text: "mirred")
                    nest(TCA_ACT_OPTIONS) {
                        var parameters = tc_mirred()
                        // TC_ACT_STOLEN: the frame goes there and nowhere else, and counts as no drop.
                        parameters.action = 4
                        parameters.eaction = action
                        parameters.ifindex = UInt32(bitPattern: index)
                        put(TCA_MIRRED_PARMS, parameters)
                    }
                }
            }
        }
    }

    /// A program that matches frames with the nonce at this offset, and of a shared place those that leave by the port.
    private static func match(_ nonce: ProbeNonce, at offset: Int, _ place: Place) -> [sock_filter] {
        let words = [nonce.high >> 32, nonce.high & 0xffff_ffff, nonce.low >> 32, nonce.low & 0xffff_ffff]
        var loads = words.enumerated().map { index, word in
            (UInt32(offset + 4 * index), UInt32(truncatingIfNeeded: word))
        }
        if case .leaving(let port, _?) = place {
            // SKF_AD_OFF + SKF_AD_IFINDEX
            loads.insert((UInt32(bitPattern: -0x1000 + 8), UInt32(bitPattern: port)), at: 0)
        }
        var program: [sock_filter] = []
        for (index, (load, value)) in loads.enumerated() {
            program.append(sock_filter(code: UInt16(BPF_LD | BPF_W | BPF_ABS), jt: 0, jf: 0, k: load))
            program.append(
                sock_filter(
                    code: UInt16(BPF_JMP | BPF_JEQ | BPF_K), jt: 0, jf: UInt8(2 * (loads.count - index) - 1), k: value))
        }
        program.append(sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: .max))
        program.append(sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: 0))
        return program
    }
}
