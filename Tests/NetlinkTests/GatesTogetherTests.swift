import Addressing
import Foundation
import NetworkModel
import NetworkPlanning
import NodePorts
import Testing
import Waiting

@testable import LinuxNetlink

/// Devices that are made many at once: none without its gates, and each failure only its own.
@Suite struct GatesTogetherTests {
    /// More than must be made together for blocks of their own.
    private static let count = 12

    private static func bridge(_ number: Int) -> InterfaceName { .device("kcb\(digits(number))") }
    private static func tunnel(_ number: Int) -> InterfaceName { .device("kcx\(digits(number))") }
    private static func port(_ number: Int) -> InterfaceName { .device("kctaaaa\(digits(number))") }

    private static func digits(_ number: Int) -> String {
        String(repeating: "0", count: 6 - String(number).count) + String(number)
    }

    /// Bridges and tunnels of these VNIs.
    private static func segments(_ numbers: Range<Int>) throws -> [LinkOperation] {
        try numbers.flatMap { number in
            let kind = LinkKind.vxlan(
                VXLANSettings(
                    vni: try VNI(UInt32(number)), group: nil, local: try IPv6Address(parsing: "fd00::1"),
                    link: .underlay, port: 4789, hopLimit: 64))
            let alias = "kc:segment/\(number)"
            return [
                LinkOperation.create(
                    NewLink(
                        name: bridge(number), kind: .bridge,
                        settings: LinkSettings(alias: alias, mtu: 1430, isUp: true, ipv6Disabled: true))),
                .create(
                    NewLink(
                        name: tunnel(number), kind: kind,
                        settings: LinkSettings(
                            alias: alias, mtu: 1430, master: bridge(number), isUp: true, ipv6Disabled: true))),
            ]
        }
    }

    private static func ports(_ numbers: Range<Int>) -> [LinkOperation] {
        numbers.map { number in
            .create(
                NewLink(
                    name: port(number), kind: .tap,
                    settings: LinkSettings(
                        alias: "kc:attachment/\(number)", mtu: 1430, master: bridge(number), isUp: true,
                        ipv6Disabled: true)))
        }
    }

    /// The number of the blocks that a device's queue is bound to.
    private static func number(_ device: InterfaceName, _ kind: GateKind, _ space: KernelNamespace) async throws
        -> UInt32?
    {
        try await space.threads.thread(for: space.name).run { context throws(NodeError) in
            let work = LinkWork(context: context)
            let index = try work.index(device, for: "test", device)
            do throws(KernelError) { return try work.blocks(of: index, kind)?.number } catch {
                throw error.error("test", device.text)
            }
        }
    }

    private static func masters(_ space: KernelNamespace) async throws -> [InterfaceName: InterfaceName] {
        try await space.settings().links.compactMapValues(\.settings.master)
    }

    @Test func `devices made together get gates in blocks that had no program, and all count as closed`()
        async throws
    {
        try await KernelNamespace.with { space in
            try space.underlay()
            let (first, second) = (1..<Self.count + 1, 101..<101 + Self.count)
            for numbers in [first, second] {
                try await space.apply(try Self.segments(numbers))
                try await space.apply(Self.ports(numbers))
            }
            for (expected, number) in [(UInt32(0), first.lowerBound), (1, second.lowerBound)] {
                #expect(try await Self.number(Self.tunnel(number), .tunnel, space) == expected)
                #expect(try await Self.number(Self.port(number), .port, space) == expected)
            }
            let masters = try await Self.masters(space)
            for number in Array(first) + Array(second) {
                #expect(masters[Self.tunnel(number)] == Self.bridge(number))
                #expect(masters[Self.port(number)] == Self.bridge(number))
            }
            // Programs that somebody takes away are missed by those that had them, and by nobody else.
            for blocks in [GateBlocks(.tunnel, number: 1), GateBlocks(.port, number: 1)] {
                _ = try space.run("tc filter del block \(blocks.sending) pref 100")
            }
            let opened = try await Self.masters(space)
            for number in first { #expect(opened[Self.port(number)] != nil && opened[Self.tunnel(number)] != nil) }
            for number in second { #expect(opened[Self.port(number)] == nil && opened[Self.tunnel(number)] == nil) }
            for (device, number) in [
                (Self.tunnel(second.lowerBound), second.lowerBound), (Self.port(second.lowerBound), second.lowerBound),
            ] {
                try await space.apply([.change(device, LinkChange(master: .bridge(Self.bridge(number))))])
            }
            #expect(try await Self.masters(space) == masters)
        }
    }

    @Test func `what cannot be made of many is taken away again, and the others are there`() async throws {
        try await KernelNamespace.with { space in
            try space.underlay()
            var operations = try Self.segments(1..<Self.count + 1)
            // A bridge less, so that its tunnel has no place; and a VNI that another has.
            operations.remove(at: 0)
            _ = try space.run(
                "ip link add other type vxlan id 5 local fd00::1 dev \(InterfaceName.underlay) dstport 4789")
            let table = NetlinkLinkTable(threads: space.threads)
            let outcomes = await table.apply(operations, in: space.name)
            for (operation, outcome) in zip(operations, outcomes) {
                guard case .create(let new) = operation else { continue }
                let isWrong = new.name == Self.tunnel(1) || new.name == Self.tunnel(5)
                if case .failure = outcome { #expect(isWrong) } else { #expect(!isWrong) }
            }
            let masters = try await Self.masters(space)
            for number in 1...Self.count {
                #expect((masters[Self.tunnel(number)] != nil) == (number != 1 && number != 5))
            }
            #expect(try !space.run("ip -o link").contains(Self.tunnel(1).text))
            // Once more with the bridge: what is there is taken as it is.
            _ = try space.run("ip link del other")
            try await space.apply(try Self.segments(1..<Self.count + 1))
            #expect(try await Self.masters(space).count == Self.count)
        }
    }

    @Test func `none of many is in its bridge before its queue and its programs are there`() async throws {
        try await KernelNamespace.with { space in
            try space.underlay()
            let folder = "/tmp/\(space.name.text)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            defer {
                for file in ["ready", "end"] { unlink("\(folder)/\(file)") }
                rmdir(folder)
            }
            async let watching = Self.watch(folder, space)
            try await eventually("a listener") { FileManager.default.fileExists(atPath: "\(folder)/ready") }
            for first in [1, 101] {
                try await space.apply(try Self.segments(first..<first + Self.count))
                try await space.apply(Self.ports(first..<first + Self.count))
            }
            _ = try space.run("touch \(folder)/end")
            let words = try await watching.split(whereSeparator: \.isWhitespace)
            #expect(words == ["\(4 * Self.count)", "0"])
        }
    }

    /// Hears what the kernel says of links, queues and filters, in order, until a file is there.
    /// - Returns: how many ports and tunnels were put into bridges, and how many of them had something missing then.
    private static func watch(_ folder: String, _ space: KernelNamespace) async throws -> String {
        let script = """
            import os, socket, struct
            s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
            s.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)
            s.bind((0, 1 | 8)); s.settimeout(0.2); open("\(folder)/ready", "w").close()
            def attributes(data):
                while len(data) >= 4:
                    size, kind = struct.unpack_from("HH", data)
                    yield kind & 0x3fff, data[4:size]
                    data = data[(size + 3) & ~3:]
            queues, filled, joined, wrong = {}, set(), set(), set()
            while True:
                try: data = s.recv(1 << 20)
                except TimeoutError:
                    if os.path.exists("\(folder)/end"): break
                    continue
                while len(data) >= 16:
                    size, kind = struct.unpack_from("IH", data)
                    body, data = data[16:size], data[(size + 3) & ~3:]
                    if kind == 36:
                        found = dict(attributes(body[20:]))
                        if 13 in found: queues[struct.unpack_from("i", body, 4)[0]] = [struct.unpack("I", found[k])[0] for k in (13, 14)]
                    elif kind == 44 and struct.unpack_from("i", body, 4)[0] == -1:
                        filled.add(struct.unpack_from("I", body, 12)[0])
                    elif kind == 16 and body[0] == 0:
                        index, found = struct.unpack_from("i", body, 4)[0], dict(attributes(body[16:]))
                        name = found[3].decode().strip(chr(0))
                        if 10 in found and name[:3] in ("kcx", "kct"):
                            joined.add(index)
                            blocks = queues.get(index, [0, 0])[name[:3] == "kct":]
                            if not filled.issuperset(blocks): wrong.add(index)
            print(len(joined), len(wrong))
            """
        return try await withCheckedThrowingContinuation { (done: CheckedContinuation<String, any Error>) in
            Thread.detachNewThread { done.resume(with: Result { try space.run("python3 -c '\(script)'") }) }
        }
    }
}
