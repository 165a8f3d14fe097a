import Addressing
import CMnl
import NetworkModel
import NodePorts

/// The kernel's filter of one device of a capture: whose frames, then which packets.
///
/// Packets with extension headers or in fragments are taken when no flow is asked for; of IPv4 the first fragment is taken
/// with its flow.
struct CaptureFilter {
    let frames: CaptureOrder.Frames
    let flow: CaptureFlow?
    let peer: IPv6Address?
    private var program = SocketProgram()

    /// Ethernet, IPv6, UDP and VXLAN headers.
    private static let outerHeaders = 14 + 40 + 8 + 8

    init(_ frames: CaptureOrder.Frames, flow: CaptureFlow?, peer: IPv6Address?) {
        self.frames = frames
        self.flow = flow
        self.peer = peer
        var start = 0
        switch frames {
        case .all: break
        case .of(let mac): take(mac, groups: false, at: 0)
        case .ofAndGroups(let mac): take(mac, groups: true, at: 0)
        case .inTunnel(let mac, let vni, let port):
            takeTunnel(vni, port)
            start = Self.outerHeaders
            take(mac, groups: true, at: start)
        }
        takePackets(at: start)
    }

    func assembled(snapLength: Int) -> [sock_filter] { program.assembled(takes: snapLength) }

    private mutating func takeTunnel(_ vni: VNI, _ port: UInt16) {
        program.load(BPF_H, 12)
        program.ifEqual(0x86dd)
        program.load(BPF_B, 20)
        program.ifEqual(17)
        program.load(BPF_H, 56)
        program.ifEqual(UInt32(port))
        // The flag that a VNI is there (RFC 7348 section 5).
        program.load(BPF_B, 62)
        program.ifAny(of: 0x08)
        program.load(BPF_W, 66)
        program.and(0xffff_ff00)
        program.ifEqual(vni.value << 8)
    }

    private mutating func take(_ mac: MACAddress, groups: Bool, at start: Int) {
        let (isMeant, notSource) = (program.makeLabel(), program.makeLabel())
        let notTarget = groups ? program.makeLabel() : .leave
        let (upper, lower) = (UInt32(mac.value >> 16), UInt32(mac.value & 0xffff))
        program.load(BPF_W, start + 6)
        program.ifEqual(upper, else: notSource)
        program.load(BPF_H, start + 10)
        program.ifEqual(lower, isMeant, else: notSource)
        program.place(notSource)
        program.load(BPF_W, start)
        program.ifEqual(upper, else: notTarget)
        program.load(BPF_H, start + 4)
        program.ifEqual(lower, isMeant, else: notTarget)
        if groups {
            program.place(notTarget)
            program.load(BPF_B, start)
            program.ifAny(of: 1)
        }
        program.place(isMeant)
    }

    private mutating func takePackets(at start: Int) {
        guard flow != nil || peer != nil else { return program.go(to: .take) }
        let ipv6 = program.makeLabel()
        program.load(BPF_H, start + 12)
        program.ifEqual(0x86dd, ipv6, else: .next)
        if peer?.isIPv4Mapped ?? true, flow?.transport != .icmpv6 {
            program.ifEqual(0x0800)
            takeIPv4(at: start + 14)
        } else {
            program.go(to: .leave)
        }
        program.place(ipv6)
        if peer?.isIPv4Mapped ?? false || flow?.transport == .icmp {
            program.go(to: .leave)
        } else {
            takeIPv6(at: start + 14)
        }
    }

    /// RFC 8200 section 3.
    private mutating func takeIPv6(at packet: Int) {
        if let peer {
            let (isTarget, isMeant) = (program.makeLabel(), program.makeLabel())
            let words = [peer.high >> 32, peer.high, peer.low >> 32, peer.low].map { UInt32(truncatingIfNeeded: $0) }
            for (index, word) in words.enumerated() {
                program.load(BPF_W, packet + 8 + 4 * index)
                program.ifEqual(word, index == 3 ? isMeant : .next, else: isTarget)
            }
            program.place(isTarget)
            for (index, word) in words.enumerated() {
                program.load(BPF_W, packet + 24 + 4 * index)
                program.ifEqual(word)
            }
            program.place(isMeant)
        }
        if let flow {
            program.load(BPF_B, packet + 6)
            program.ifEqual(UInt32(flow.transport.number))
            takeTransport(flow, at: packet + 40, indexed: false)
        }
        program.go(to: .take)
    }

    /// RFC 791 section 3.1.
    private mutating func takeIPv4(at packet: Int) {
        if let peer {
            let isMeant = program.makeLabel()
            program.load(BPF_W, packet + 12)
            program.ifEqual(UInt32(truncatingIfNeeded: peer.low), isMeant, else: .next)
            program.load(BPF_W, packet + 16)
            program.ifEqual(UInt32(truncatingIfNeeded: peer.low))
            program.place(isMeant)
        }
        if let flow {
            program.load(BPF_B, packet + 9)
            program.ifEqual(UInt32(flow.transport.number))
            // Later fragments have no transport header.
            program.load(BPF_H, packet + 6)
            program.ifAny(of: 0x1fff, .leave, else: .next)
            program.loadHeaderLength(packet)
            takeTransport(flow, at: packet, indexed: true)
        }
        program.go(to: .take)
    }

    private mutating func takeTransport(_ flow: CaptureFlow, at header: Int, indexed: Bool) {
        guard let number = flow.number else { return }
        guard flow.transport.hasPorts else {
            program.load(BPF_B, header, indexed: indexed)
            return program.ifEqual(UInt32(number))
        }
        program.load(BPF_H, header, indexed: indexed)
        program.ifEqual(UInt32(number), .take, else: .next)
        program.load(BPF_H, header + 2, indexed: indexed)
        program.ifEqual(UInt32(number))
    }
}
