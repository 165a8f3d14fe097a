import Addressing
import CMnl
import Glibc
import NodePorts
import Synchronization

/// Reads one namespace's multicast messages on a thread of its own and gives them on as hints, until it is ended.
///
/// The socket is opened inside the namespace; the thread itself is at home (see HomeNamespace), since it wakes tasks.
final class EventReader: Sendable {
    /// RTNLGRP_* of linux/rtnetlink.h.
    private static let groups = [RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE]

    /// The least time between two readings: what nobody has to hear sooner, and a small part of what the socket holds.
    private static let restMilliseconds: Int32 = 10
    private static let messagesAtOnce = 4096

    /// An eventfd that wakes the thread to end.
    private let wake: Int32
    private let receiveBytes: Int32

    init(receiveBytes: Int32) throws(KernelError) {
        self.receiveBytes = receiveBytes
        wake = eventfd(0, Int32(EFD_CLOEXEC))
        guard wake >= 0 else { throw .last("eventfd") }
    }

    deinit { close(wake) }

    func end() {
        var one: UInt64 = 1
        // An eventfd takes eight bytes or fails with EAGAIN when its counter is full, and then the thread wakes anyhow.
        _ = write(wake, &one, 8)
    }

    /// Subscribes, says `everything` (what changed before is not known), and goes on until `end`.
    func run(in file: NamespaceFile?, home: HomeNamespace, _ give: (LinkEvent) -> Void) throws(KernelError) {
        let sockets = try open(in: file, home: home)
        give(.everything)
        var names: [Int32: InterfaceName] = [:]
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            if try wait(for: sockets.events) { return }
            let events = try read(sockets, buffer, names: &names)
            for event in events { give(event) }
            // Whoever changes much at once is not woken for at each change, and has the other processors for itself.
            if try wait(for: nil, atMost: Self.restMilliseconds) { return }
        }
    }

    /// Waits until there is something to read, or for a time.
    /// - Returns: whether the reader is to end.
    private func wait(for events: Int32?, atMost milliseconds: Int32 = -1) throws(KernelError) -> Bool {
        // A negative descriptor is passed over.
        var waiting = [
            pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
            pollfd(fd: events ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        while poll(&waiting, 2, milliseconds) < 0 {
            guard errno == EINTR else { throw .last("poll") }
        }
        return waiting[0].revents != 0
    }

    /// What the messages that are there say, each thing once.
    private func read(
        _ sockets: borrowing Sockets, _ buffer: UnsafeMutableRawBufferPointer, names: inout [Int32: InterfaceName]
    ) throws(KernelError) -> Set<LinkEvent> {
        var events: Set<LinkEvent> = []
        // A flood without an end is told of, too.
        for _ in 0..<Self.messagesAtOnce {
            let count = recv(sockets.events, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            guard count > 0 else {
                switch errno {
                case ENOBUFS: events.insert(.everything)
                case EINTR: break
                case EAGAIN: return events
                default: throw .last("recv")
                }
                continue
            }
            for message in Messages(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count])) {
                guard let notice = ChangeNotice(message) else { continue }
                if let event = event(notice, names: &names, control: sockets.control) { events.insert(event) }
            }
        }
        return events
    }

    private func event(
        _ notice: ChangeNotice, names: inout [Int32: InterfaceName], control: ControlSocket
    ) -> LinkEvent? {
        switch notice {
        case .link(let index, let text):
            // A name that KC cannot hold is a foreign device's, which no plan looks at.
            guard let name = interfaceName(text) else { return nil }
            names[index] = name
            return .link(name)
        case .index(let index):
            // The device may be gone already; its own message says so.
            return (names[index] ?? control.name(of: index)).map { .link($0) }
        case .defaultRoute, .strayEntry: return .everything
        }
    }

    private struct Sockets: ~Copyable {
        let events: Int32
        let control: ControlSocket
        deinit { close(events) }
    }

    private func open(in file: NamespaceFile?, home: HomeNamespace) throws(KernelError) -> Sockets {
        if let file {
            guard setns(file.descriptor, Int32(CMNL_CLONE_NEWNET)) == 0 else { throw .last("setns") }
        }
        defer { if file != nil { home.enter() } }
        let control = try ControlSocket()
        let events = socket(AF_NETLINK, Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), NETLINK_ROUTE)
        guard events >= 0 else { throw .last("socket(AF_NETLINK)") }
        let sockets = Sockets(events: events, control: control)
        var bytes = receiveBytes
        guard setsockopt(events, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, 4) == 0 else { throw .last("SO_RCVBUFFORCE") }
        // Without an address of its own the socket has that of the kernel, and hears nothing of what the kernel says.
        var address = sockaddr_nl()
        address.nl_family = sa_family_t(AF_NETLINK)
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(events, $0, socklen_t(MemoryLayout<sockaddr_nl>.size))
            }
        }
        guard bound == 0 else { throw .last("bind(AF_NETLINK)") }
        for group in Self.groups {
            var number = Int32(group.rawValue)
            guard setsockopt(events, SOL_NETLINK, Int32(NETLINK_ADD_MEMBERSHIP), &number, 4) == 0 else {
                throw .last("NETLINK_ADD_MEMBERSHIP \(number)")
            }
        }
        return sockets
    }
}
