import ComputeModel
import ComputePlanning
import ComputePorts
import DiskContract
import DomainXML
import FileDisks
import Glibc
import Resources
import TestComputeHosts
import TestNamespaces
import Testing

/// Disks and seeds by the real programs.
@Suite(.serialized) struct FileDisksTests {
    private let root: String
    private let paths: HostPaths
    private let vm = TestComputeHost.id(5)
    private let image: ImageOrder

    init() throws {
        var template = Array("/tmp/kc-disks-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        root = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        chmod(root, 0o711)
        paths = try #require(HostPaths(root: root))
        mkdir(paths.images, 0o711)
        image = ImageOrder(
            id: TestComputeHost.id(6), format: .raw, size: 10 << 30,
            sha256: try #require(SHA256Digest(String(repeating: "0", count: 64))))
        try command("/usr/bin/truncate", "-s", "10G", paths.image(image.id).description)
        chmod(paths.image(image.id).description, 0o400)
    }

    private func clean() throws { try command("/bin/rm", "-rf", root) }
    private func files() throws -> [String] {
        try command("/bin/ls", paths.disks).split(separator: "\n").map(String.init)
    }

    @Test func `a disk over an image of 10 GiB is made in no time and takes next to no room`() async throws {
        let disks = try FileDisks(paths)
        let disk = ObservedDisk(fence: 7, sizeGiB: 20)
        // The best of three: other suites run beside this one.
        var times: [Duration] = []
        for _ in 0..<3 {
            try await disks.removeDisk(disk, of: vm)
            times.append(try await ContinuousClock().measure { try await disks.makeDisk(disk, of: vm, over: image) })
        }
        #expect(times.contains { $0 < .seconds(1) }, "\(times)")
        #expect(try await disks.look().disks == [vm: [disk]])
        try await disks.makeDisk(disk, of: vm, over: image)
        let size = try command("/usr/bin/du", "-k", paths.disk(vm, fence: 7).description).split(separator: "\t").first
        #expect(Int(size ?? "") ?? .max < 1024)
        let info = try command("/usr/bin/qemu-img", "info", "--output=json", paths.disk(vm, fence: 7).description)
        #expect(info.contains("\"backing-filename-format\": \"raw\""))

        let larger = ObservedDisk(fence: 7, sizeGiB: 30)
        try await disks.growDisk(larger, of: vm)
        #expect(try await disks.look().disks == [vm: [larger]])
        try await disks.removeDisk(larger, of: vm)
        try await disks.removeDisk(larger, of: vm)
        #expect(try files() == [])
        try clean()
    }

    @Test func `a folder is a store of disks as the contract says`() async throws {
        try command("/usr/bin/truncate", "-s", "1G", paths.image(image.id).description)
        try await DiskStoreContract(image: image) { try FileDisks(paths) }.all()
        #expect(try files() == [])
        try clean()
    }

    @Test func `without an image, or room, nothing is left`() async throws {
        let absent = ImageOrder(id: TestComputeHost.id(9), format: .raw, size: 512, sha256: image.sha256)
        mkdir(paths.disks, 0o711)
        try command("/usr/bin/mount", "-t", "tmpfs", "-o", "size=64k,mode=711", "none", paths.disks)
        do {
            let disks = try FileDisks(paths)
            let disk = ObservedDisk(fence: 1, sizeGiB: 20)
            await #expect { try await disks.makeDisk(disk, of: vm, over: absent) } throws: {
                ($0 as? DiskStoreError)?.code == .absent
            }
            await #expect { try await disks.makeDisk(disk, of: vm, over: image) } throws: {
                ($0 as? DiskStoreError)?.code == .full
            }
            #expect(try files() == [])
        } catch {
            try command("/usr/bin/umount", paths.disks)
            throw error
        }
        try command("/usr/bin/umount", paths.disks)
        try clean()
    }

    @Test func `a seed has the label and the files that cloud-init looks for`() async throws {
        let disks = try FileDisks(paths)
        var order = try PlainOrder.order(vm, image)
        order.guest.userData = "#cloud-config\nhostname: it\n"
        let seed = NoCloudSeed(order)
        try await disks.makeSeed(seed, of: vm)
        #expect(try await disks.look().seeds == [vm: [seed.digest]])
        let path = paths.seed(vm, digest: seed.digest).description
        #expect(try command("/usr/sbin/blkid", "-o", "value", "-s", "LABEL", path) == "cidata\n")
        #expect(try command("/usr/bin/isoinfo", "-R", "-i", path, "-x", "/user-data") == order.guest.userData)
        let names = try command("/usr/bin/isoinfo", "-R", "-f", "-i", path).split(separator: "\n")
        #expect(Set(names) == ["/meta-data", "/network-config", "/user-data"])
        try await disks.removeSeed(seed.digest, of: vm)
        #expect(try files() == [])
        try clean()
    }
}

enum PlainOrder {
    static func order(_ vm: ResourceID, _ image: ImageOrder) throws -> MachineOrder {
        MachineOrder(
            id: vm, project: try #require(Name("default")), name: try #require(Name("web")), generation: 1, fence: 1,
            machine: Machine(
                architecture: .amd64, firmware: .bios, cpus: 1, cpuModel: "host", memoryMiB: 64, diskGiB: 20,
                devices: []), image: image, interfaces: [],
            guest: GuestOrder(instance: vm, hostname: try #require(Name("web"))), power: .off)
    }
}
