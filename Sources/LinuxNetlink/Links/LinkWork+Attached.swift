import CMnl
import Glibc

/// Gates of tunnels that frames pass already: attached to the device itself (tcx, Linux 6.6), without a queue.
///
/// A queue cannot be put on such a device without loss: while the kernel does it (`qdisc_graft`, net/sched/sch_api.c) what
/// the device is to send is dropped, until a grace period of RCU has gone by; one packet of a millisecond in nearly every
/// try. What attached programs drop is not counted by device, so new devices get queues.
extension LinkWork {
    /// Does nothing where they are.
    /// - Returns: false on a kernel without such places.
    func attachGates(of kind: GateKind, to index: Int32) throws(KernelError) -> Bool {
        var names: [UInt32: String] = [:]
        for gate in kind.gates {
            let place = kind.place(of: gate)
            if isAttached(gate, to: index, place, &names) { continue }
            guard cmnl_attach_classifier(try context.classifier(gate.program), index, place) == 0 else {
                if errno == EINVAL || errno == EOPNOTSUPP { return false }
                throw .last("bpf(BPF_PROG_ATTACH)")
            }
        }
        return true
    }

    /// Those of the tunnels that have all their gates attached.
    func attached(among tunnels: [Int32]) -> Set<Int32> {
        let kind = GateKind.tunnel
        var names: [UInt32: String] = [:]
        return Set(
            tunnels.filter { index in
                kind.gates.allSatisfy { isAttached($0, to: index, kind.place(of: $0), &names) }
            })
    }

    /// - Parameter names: of programs, which most devices share.
    private func isAttached(
        _ gate: Gate, to index: Int32, _ place: UInt32, _ names: inout [UInt32: String]
    ) -> Bool {
        let wanted = Classifier(gate.program).name
        var programs = [UInt32](repeating: 0, count: Self.programs)
        // None, too, where the kernel has no such places.
        let count = cmnl_query_classifiers(index, place, &programs, UInt32(programs.count))
        return programs.prefix(max(0, Int(count))).contains { program in
            if let name = names[program] { return name == wanted }
            var bytes = [CChar](repeating: 0, count: 16)
            guard cmnl_classifier_name(program, &bytes) == 0 else { return false }
            let name = String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            names[program] = name
            return name == wanted
        }
    }

    /// The kernel takes at most as many at one place (BPF_MPROG_MAX, linux/bpf_mprog.h).
    private static let programs = 64
}

extension GateKind {
    fileprivate func place(of gate: Gate) -> UInt32 {
        UInt32(gate.block == GateBlocks(self).receiving ? CMNL_TCX_INGRESS : CMNL_TCX_EGRESS)
    }
}
