import Addressing
import CBPF
import CLinux
import Glibc
import LinuxProcesses
import NFTables
import NetworkModel
import NodePorts
import TestNamespaces
import Testing

/// The bridge and its ports in the kernel, with a socket at the far end of each. Lives on one thread, inside the
/// namespace, on one processor: so frames are processed in the order in which they are sent.
final class Wire: ThreadState {
    var watched: [Int32] { [] }
    var deadline: ContinuousClock.Instant? { nil }
    func isReady(_ descriptor: Int32) {}
    func deadlineIsOver() {}

    private var ends: [PacketSocket] = []
    private let host: PacketSocket
    /// Sends on the bridge's side of each port, straight to its peer.
    private var near: [PacketSocket] = []
    private var sentinels: UInt64 = 0

    /// - Parameter program: what runs before the guard; nil: nothing.
    init(_ world: World, program: Int32? = nil) throws(NodeError) {
        if clinux_pin_this_thread(0) != 0 {
            throw NodeError(.errno(errno), operation: "pin", subject: "thread")
        }
        for port in world.ports {
            ends.append(try Self.open(port.peer))
            near.append(try Self.open(port.name.text))
            guard let program else { continue }
            guard cbpf_attach(Int32(port.index), 0, program) == 0 else {
                throw NodeError(.errno(errno), operation: "attach", subject: port.name.text)
            }
        }
        host = try Self.open(World.bridge)
    }

    private static func open(_ device: String) throws(NodeError) -> PacketSocket {
        do {
            return try PacketSocket(on: device)
        } catch {
            throw NodeError(.protocolViolation, operation: "open", subject: device, message: error.description)
        }
    }

    /// Makes bridge, ports and peers in the namespace: no address, no IPv6 of the kernel's own, no learning, every MAC
    /// known.
    static func build(_ world: inout World, in namespace: TestNamespace) throws {
        for key in ["net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"] {
            try namespace.run("sysctl", "-q", "-w", key)
        }
        // Where br_netfilter is loaded, its hooks are not to have a say.
        for chain in ["ip", "ip6", "arp"] {
            let key = "net/bridge/bridge-nf-call-\(chain)tables"
            if access("/proc/sys/\(key)", F_OK) == 0 { try namespace.run("sysctl", "-q", "-w", "\(key)=0") }
        }
        try namespace.run(
            "ip", "link", "add", World.bridge, "address", World.bridgeMAC.description, "type", "bridge",
            "mcast_snooping", "0", "stp_state", "0")
        try namespace.run("ip", "link", "set", World.bridge, "up")
        for (number, port) in world.ports.enumerated() {
            let index = 100 + number * 2
            try namespace.run(
                "ip", "link", "add", port.name.text, "index", "\(index)", "type", "veth", "peer", "name", port.peer)
            try namespace.run("ip", "link", "set", port.name.text, "master", World.bridge, "up")
            try namespace.run("ip", "link", "set", port.peer, "up")
            try namespace.run("bridge", "link", "set", "dev", port.name.text, "learning", "off")
            try namespace.run(
                "bridge", "fdb", "replace", port.mac.description, "dev", port.name.text, "master", "static")
            world.ports[number].index = UInt32(index)
        }
    }

    /// Sends frames, each from the far end of a port, and waits until all are processed.
    /// - Returns: what each port's far end heard, in order, and last what the host itself got.
    func exchange(_ frames: [(sender: Int, bytes: [UInt8])]) throws(NodeError) -> [[[UInt8]]] {
        var heard = [[[UInt8]]](repeating: [], count: ends.count + 1)
        for frame in frames {
            do {
                try ends[frame.sender].send(frame.bytes)
            } catch {
                throw NodeError(.protocolViolation, operation: "send", subject: "frame", message: error.description)
            }
        }
        // A frame is received twice, at the bridge's port and at the far end of another; one processor's queue is in
        // order. The first mark is behind all first halves, so the second is behind all second halves.
        for _ in 0..<2 {
            sentinels += 1
            let mark: [UInt8] =
                [2, 0xee, 0, 0, 0, 0, 2, 0xee, 0, 0, 0, 1, 0x88, 0xb5]
                + (0..<8).map { UInt8(truncatingIfNeeded: sentinels >> UInt64(8 * $0)) }
            for number in ends.indices {
                do {
                    try near[number].send(mark)
                } catch {
                    throw NodeError(.protocolViolation, operation: "send", subject: "mark", message: error.description)
                }
            }
            for number in ends.indices {
                let start = ContinuousClock.now
                while true {
                    if let frame = ends[number].receive() {
                        if frame == mark { break }
                        heard[number].append(frame)
                    } else if ContinuousClock.now - start > .seconds(20) {
                        throw NodeError(.errno(ETIMEDOUT), operation: "wait", subject: "mark at port \(number)")
                    } else {
                        ends[number].wait(milliseconds: 100)
                    }
                }
            }
        }
        while let frame = host.receive() { heard[ends.count].append(frame) }
        // Taps on the bridge's ports hear everything that comes in: not needed.
        for end in near { while end.receive() != nil {} }
        return heard
    }
}
