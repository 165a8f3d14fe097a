import Addressing
import CMnl
import NetworkModel

/// The bytes of the packets by which probes measure.
///
/// The frame inside of VXLAN goes to 01:80:c2:00:00:0e, which no bridge forwards (IEEE 802.1Q table 8-1; with KC's guard
/// the host does not take it either): wherever it gets to, no guest sees it. It has an ethertype for experiments, and its
/// source is no attachment's.
enum ProbeFrame {
    static let destination: [UInt8] = [0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e]
    /// Locally administered.
    static let source: [UInt8] = [0x0e, 0x6b, 0x63, 0x70, 0x72, 0x62]
    /// IEEE 802 local experimental ethertype 1.
    static let type: [UInt8] = [0x88, 0xb5]
    static let ethernetHeader = 14
    /// Outer IPv6, UDP and VXLAN headers.
    static let outerHeaders = 40 + 8 + 8
    /// Without its check sequence (IEEE 802.3).
    static let shortest = 60

    /// A frame as it is inside of VXLAN.
    /// - Parameter length: with the Ethernet header; shorter ones are filled up to what Ethernet wants.
    static func frame(_ nonce: ProbeNonce, _ mark: ProbeMark, length: Int = shortest) -> [UInt8] {
        let bytes = destination + source + type + mark.bytes(nonce)
        return bytes + [UInt8](repeating: 0, count: max(0, max(length, shortest) - bytes.count))
    }

    /// RFC 7348 section 5: the flag that a VNI is there, and the VNI.
    static func vxlanHeader(_ vni: VNI) -> [UInt8] {
        [
            0x08, 0, 0, 0, UInt8(vni.value >> 16 & 0xff), UInt8(vni.value >> 8 & 0xff), UInt8(vni.value & 0xff), 0,
        ]
    }

    /// A socket filter that lets through what has the nonce at this offset, with all of its bytes.
    static func filter(_ nonce: ProbeNonce, at offset: Int) -> [sock_filter] {
        let words = [nonce.high >> 32, nonce.high & 0xffff_ffff, nonce.low >> 32, nonce.low & 0xffff_ffff]
        var program: [sock_filter] = []
        for (index, word) in words.enumerated() {
            program.append(
                sock_filter(code: UInt16(BPF_LD | BPF_W | BPF_ABS), jt: 0, jf: 0, k: UInt32(offset + 4 * index)))
            let left = UInt8(2 * (words.count - index) - 1)
            program.append(
                sock_filter(
                    code: UInt16(BPF_JMP | BPF_JEQ | BPF_K), jt: 0, jf: left, k: UInt32(truncatingIfNeeded: word)))
        }
        program.append(sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: .max))
        program.append(sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: 0))
        return program
    }
}
