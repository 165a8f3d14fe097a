import Addressing
package import ComputeModel
import ComputeNode
package import ComputePlanning
package import ComputePorts
import Crypto
import FileDisks
import FileImages
import Glibc
import LibvirtHypervisor
package import LinuxProcesses
import Logging
package import Resources
import TestNamespaces
import Testing

/// A compute host of the test's: libvirtd, folders, a server in memory, a guest to boot.
package final class TestComputeHost: Sendable {
    package let libvirtd: TestLibvirtd
    package let upstream: MemoryUpstream
    package let paths: HostPaths
    package let image: ImageOrder
    private let firmware: Firmware
    private let deadline: Duration
    /// Where images and disks are: files in the host's folder, unless the test says otherwise.
    package typealias Storage = @Sendable (HostPaths) throws -> (any ImageStore, any DiskStore, DiskPlace)
    private let storage: Storage

    package static func id(_ number: UInt64) -> ResourceID {
        let digits = String(number, radix: 16)
        return ResourceID("00000000-0000-4000-8000-\(String(repeating: "0", count: 12 - digits.count))\(digits)")!
    }

    package init(
        _ libvirtd: TestLibvirtd? = nil, firmware: Firmware = .bios, deadline: Duration = .seconds(20),
        storage: @escaping Storage = files
    ) async throws {
        let libvirtd = try libvirtd ?? TestLibvirtd()
        self.libvirtd = libvirtd
        self.firmware = firmware
        self.deadline = deadline
        self.storage = storage
        let bytes = firmware == .bios ? try await Self.guest.value : try Self.makeGuest("--uefi")
        let sum = SHA256.hash(data: bytes).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        image = ImageOrder(
            id: Self.id(77), format: .raw, size: UInt64(bytes.count), sha256: try #require(SHA256Digest(sum)))
        upstream = MemoryUpstream(computeHost: Self.id(1), image: bytes)
        paths = try #require(HostPaths(root: libvirtd.folder + "/kc"))
        for folder in [libvirtd.folder + "/kc", paths.images] { mkdir(folder, 0o711) }
        try await libvirtd.waitUntilUp()
    }

    package static func files(_ paths: HostPaths) throws -> (any ImageStore, any DiskStore, DiskPlace) {
        (try FileImages(path: paths.images, quota: 1 << 40), try FileDisks(paths), .files)
    }

    /// Once a run.
    private static let guest = Task<[UInt8], any Error> { try makeGuest() }

    /// What tools/tiny-guest makes.
    private static func makeGuest(_ options: String...) throws -> [UInt8] {
        let path = "/tmp/kc-tiny-guest-\(getpid())\(options.joined()).img"
        try command("/bin/bash", ["tools/tiny-guest"] + options + [path])
        defer { unlink(path) }
        let file = try FileDescriptor.open(path, O_RDONLY)
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(file.raw, &piece, piece.count)
            guard count > 0 else { return bytes }
            bytes += piece[..<count]
        }
    }

    /// The agent as its program wires it; ends when the task is cancelled.
    package func runAgent() async throws {
        var logger = Logger(label: "agent") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        var settings = ComputeAgentSettings()
        settings.look = .milliseconds(500)
        settings.firstWait = .milliseconds(100)
        settings.longestWait = .milliseconds(500)
        settings.absence = .seconds(1)
        let (images, disks, place) = try storage(paths)
        let agent = ComputeAgent(
            ports: ComputeHostPorts(
                hypervisor: LibvirtHypervisor(uri: libvirtd.uri, deadline: deadline), disks: disks, images: images),
            upstream: upstream, planner: ComputePlanner(paths: paths, disks: place),
            facts: ComputeAgent.Facts(architecture: .amd64, hasKVM: false), settings: settings,
            statePath: libvirtd.folder + "/kc/orders.json", logger: logger)
        try await agent.run()
    }

    /// Runs `body` beside an agent, which then ends.
    package func withAgent(_ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.runAgent() }
            try await body()
            group.cancelAll()
            do { try await group.waitForAll() } catch is CancellationError {}
        }
    }

    package func order(
        _ number: UInt64, power: VirtualMachine.Power = .on, networks: Int = 1, isWired: Bool = true,
        reboots: UInt64 = 0, graceSeconds: UInt64 = 30
    ) throws -> MachineOrder {
        let interfaces = try (0..<networks).map { index in
            let id = Self.id(number * 100 + UInt64(index))
            return InterfaceOrder(
                attachment: id, mac: MACAddress(0x5254_0000_0000 + number * 256 + UInt64(index)),
                device: InterfaceName.port(Array(id.bytes.reversed())), mtu: try MTU(1430), isWired: isWired)
        }
        return MachineOrder(
            id: Self.id(number), project: try #require(Name("default")), name: try #require(Name("vm-\(number)")),
            generation: 1, fence: 1,
            machine: Machine(
                architecture: .amd64, firmware: firmware, cpus: 1, cpuModel: "host",
                memoryMiB: firmware == .bios ? 192 : 256, diskGiB: 1,
                devices: [.serialConsole, .randomness]),
            image: image, interfaces: interfaces,
            guest: GuestOrder(instance: Self.id(number), hostname: try #require(Name("vm-\(number)"))), power: power,
            graceSeconds: graceSeconds, reboots: reboots)
    }

    package func makePorts(of order: MachineOrder) throws {
        for interface in order.interfaces
        where !libvirtd.namespace.succeeds("ip", "link", "show", interface.device.text) {
            try libvirtd.namespace.run("ip", "tuntap", "add", "dev", interface.device.text, "mode", "tap", "vnet_hdr")
            try libvirtd.namespace.run("ip", "link", "set", interface.device.text, "up")
        }
    }

    /// Whether the guest answers on a NIC, at the link-local address that it made from its MAC (RFC 4291 appendix A).
    package func answers(_ interface: InterfaceOrder) -> Bool {
        let identifier = interface.mac.modifiedEUI64
        let words = stride(from: 48, through: 0, by: -16).map { String(identifier >> UInt64($0) & 0xffff, radix: 16) }
        let address = "fe80::\(words.joined(separator: ":"))%\(interface.device.text)"
        return libvirtd.namespace.succeeds("ping", "-6", "-c", "1", "-W", "1", address)
    }

    package func guest(_ order: MachineOrder) -> ProcessID? { libvirtd.guest("kc-\(order.id)") }
}
