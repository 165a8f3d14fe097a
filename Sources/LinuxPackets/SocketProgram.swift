import CMnl

/// A classic BPF program (linux/filter.h) under construction: jumps name labels, which stand further on. Its end takes a
/// packet or leaves it.
struct SocketProgram {
    /// Where a jump leads.
    enum Target: Hashable {
        case next, take, leave
        case label(Int)
    }

    private enum Step {
        case plain(sock_filter)
        case jump(code: Int32, value: UInt32, yes: Target, no: Target)
    }

    private var steps: [Step] = []
    private var labels: [Int: Int] = [:]
    private var madeLabels = 0

    mutating func makeLabel() -> Target {
        madeLabels += 1
        return .label(madeLabels)
    }

    /// The label stands for the next instruction.
    mutating func place(_ target: Target) { if case .label(let label) = target { labels[label] = steps.count } }

    /// Loads 1, 2 or 4 bytes at an offset. Of a packet that ends before, nothing is taken.
    mutating func load(_ size: Int32, _ offset: Int, indexed: Bool = false) {
        let mode = indexed ? BPF_IND : BPF_ABS
        steps.append(
            .plain(sock_filter(code: UInt16(BPF_LD | size | mode), jt: 0, jf: 0, k: UInt32(offset))))
    }

    /// The length of an IPv4 header at an offset into the index register.
    mutating func loadHeaderLength(_ offset: Int) {
        steps.append(.plain(sock_filter(code: UInt16(BPF_LDX | BPF_B | BPF_MSH), jt: 0, jf: 0, k: UInt32(offset))))
    }

    mutating func and(_ mask: UInt32) {
        steps.append(.plain(sock_filter(code: UInt16(BPF_ALU | BPF_AND | BPF_K), jt: 0, jf: 0, k: mask)))
    }

    mutating func ifEqual(_ value: UInt32, _ yes: Target = .next, else no: Target = .leave) {
        steps.append(.jump(code: BPF_JEQ, value: value, yes: yes, no: no))
    }

    mutating func ifAny(of bits: UInt32, _ yes: Target = .next, else no: Target = .leave) {
        steps.append(.jump(code: BPF_JSET, value: bits, yes: yes, no: no))
    }

    mutating func go(to target: Target) { ifEqual(0, target, else: target) }

    /// The program as the kernel takes it.
    /// - Parameter length: bytes that are copied of a packet that is taken.
    func assembled(takes length: Int) -> [sock_filter] {
        let end = steps.count
        var program: [sock_filter] = []
        for (index, step) in steps.enumerated() {
            switch step {
            case .plain(let instruction): program.append(instruction)
            case .jump(let code, let value, let yes, let no):
                func distance(_ target: Target) -> UInt8 {
                    let place =
                        switch target {
                        case .next: index + 1
                        case .take: end
                        case .leave: end + 1
                        case .label(let label): labels[label] ?? end + 1
                        }
                    precondition((1...256).contains(place - index), "a jump of a socket filter is too far")
                    return UInt8(place - index - 1)
                }
                program.append(
                    sock_filter(code: UInt16(BPF_JMP | code | BPF_K), jt: distance(yes), jf: distance(no), k: value))
            }
        }
        program.append(sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: UInt32(length)))
        program.append(sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: 0))
        return program
    }
}
