import CephImages
import ComputeModel
import ComputePlanning
import ComputePorts
import Crypto
import DiskContract
import DomainXML
import FileDisks
import Foundation
import ImageConversion
import ImageFormats
import Resources
import TestComputeHosts
import TestNamespaces
import Testing
import Waiting

/// Images and disks in a Ceph cluster that is really there. One cluster for all of it: making it is most of the time.
@Suite(.serialized) struct CephTests {
    @Test func `a pool of Ceph is a store of images and of disks, and a guest boots from a clone`() async throws {
        let libvirtd = try TestLibvirtd()
        let begin = ContinuousClock.now
        let ceph = try TestCeph(libvirtd.namespace)
        print("cluster: \(begin.duration(to: .now))")
        let paths = try #require(HostPaths(root: ceph.folder + "/kc"))
        mkdir(ceph.folder + "/kc", 0o711)
        let pool = try CephPoolOfHost(ceph, "h1", paths)
        try await timed("images") { try await images(ceph) }
        try await timed("disks") { try await disks(ceph, pool) }
        try await timed("conversion") { try await converted(ceph, pool) }
        try await timed("keys") { try await keys(ceph) }
        try await timed("guest") { try await guest(ceph, libvirtd) }
        try await timed("away") { try await away(ceph) }
    }

    /// Says how long a part took: a cluster's time is not ours.
    private func timed(_ part: String, _ body: () async throws -> Void) async throws {
        let time = try await ContinuousClock().measure(body)
        print("\(part): \(time)")
    }

    private func images(_ ceph: TestCeph) async throws {
        let contract = ImageStoreContract(
            make: { CephImages(CephCluster(ceph.place), quota: $0) },
            again: { CephImages(CephCluster(ceph.place), quota: 100 << 20) })
        try await contract.all()
        #expect(try ceph.rbd("ls") == [])
    }

    private func disks(_ ceph: TestCeph, _ pool: CephPoolOfHost) async throws {
        let bytes = ImageStoreContract.bytes(3_000_001)
        let image = try await pool.add(bytes, .raw)
        try await DiskStoreContract(image: image) { try CephPoolOfHost(ceph, "h1", pool.paths).disks }.all()

        // Another host's disks are nobody's here; the image cannot go while any stand on it.
        let (disk, vm) = (ObservedDisk(fence: 1, sizeGiB: 1), ResourceID(UUID()))
        let other = try CephPoolOfHost(ceph, "h2", pool.paths)
        try await other.disks.makeDisk(disk, of: vm, over: image)
        #expect(try await pool.disks.look().disks == [:])
        await ImageStoreContract.expectError(.inUse) { try await pool.images.delete(image.id) }
        #expect(try await pool.images.read(image.id, at: 0, count: 4) == Array(bytes[..<4]))
        try await other.disks.removeDisk(disk, of: vm)
        try await pool.images.delete(image.id)
        #expect(try ceph.rbd("ls") == [])
    }

    /// An image of 10 GiB in a file of a few clusters: its disk is a clone of a raw image that is made once.
    private func converted(_ ceph: TestCeph, _ pool: CephPoolOfHost) async throws {
        let path = ceph.folder + "/ten.qcow2"
        try command("/usr/bin/qemu-img", "create", "-q", "-f", "qcow2", path, "10G")
        try command("/usr/bin/qemu-io", "-f", "qcow2", "-c", "write -P 0x5a 0 64k", "-c", "write -P 0xa5 9G 3M", path)
        let image = try await pool.add([UInt8](try Data(contentsOf: URL(fileURLWithPath: path))), .qcow2)
        let (first, second) = (ResourceID(UUID()), ResourceID(UUID()))
        let disk = ObservedDisk(fence: 4, sizeGiB: 12)
        try await pool.disks.makeDisk(disk, of: first, over: image)
        let time = try await ContinuousClock().measure {
            try await pool.disks.makeDisk(disk, of: second, over: image)
        }
        #expect(time < .seconds(1))
        #expect(try await pool.disks.look().disks == [first: [disk], second: [disk]])
        try command(
            "/usr/bin/qemu-io", "-r", "-f", "raw", "-c", "read -P 0x5a 0 64k", "-c", "read -P 0xa5 9G 3M", "-c",
            "read -P 0 1G 4M",
            "rbd:kc/\(pool.place.disk(second, fence: 4)):id=\(TestCeph.user):conf=\(ceph.configuration)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: pool.paths.convert) == [])
        for vm in [first, second] { try await pool.disks.removeDisk(disk, of: vm) }
        try await pool.images.delete(image.id)
        #expect(try ceph.rbd("ls") == [])
    }

    /// The user that all of the above ran as may use its pool alone; who has no key, or another one, is told so.
    private func keys(_ ceph: TestCeph) async throws {
        try command("/usr/bin/ceph", "-c", ceph.configuration, "osd", "pool", "create", "other", "8", "8")
        func refusal(_ place: CephPlace) async -> String {
            do {
                _ = try await CephImages(CephCluster(place), quota: 1 << 30).begin(ResourceID(UUID()), size: 512)
            } catch {
                return "\(error.code): \(error.cause)"
            }
            return "it was begun"
        }
        let keyring = "\(ceph.folder)/client.stranger.keyring"
        try command("/usr/bin/ceph-authtool", "-C", keyring, "-n", "client.stranger", "-g")
        for (pool, user, words) in [
            ("other", TestCeph.user, "Operation not permitted"), ("kc", "nobody", "no key of client.nobody"),
            ("kc", "stranger", "do not know the key"),
        ] {
            let said = await refusal(CephPlace(pool: pool, user: user, configuration: ceph.configuration))
            #expect(said.contains(words), "\(said)")
        }
    }

    /// The agent of a compute host with its disks in Ceph: it brings the image there, clones it, and the guest boots.
    private func guest(_ ceph: TestCeph, _ libvirtd: TestLibvirtd) async throws {
        try ceph.giveKey(to: libvirtd)
        let host = try await TestComputeHost(libvirtd) { paths in
            let pool = try CephPoolOfHost(ceph, "h1", paths)
            return (pool.images, pool.disks, .rbd(pool.place))
        }
        let order = try host.order(1)
        try host.makePorts(of: order)
        func state() -> String { "\(String(describing: host.upstream.report(order.id)))\n\(libvirtd.log)" }
        try await host.withAgent {
            host.upstream.order(order)
            try await eventually("it runs", state) { host.upstream.report(order.id)?.state == .running }
            try await eventually("it answers", state, within: .seconds(60)) { host.answers(order.interfaces[0]) }
            let domain = try libvirtd.virsh("domblklist", "kc-\(order.id)")
            #expect(domain.contains("kc/disk.h1.\(order.id).1"), "\(domain)")
            let key = try command(
                "/usr/bin/ceph-authtool", "\(ceph.folder)/client.\(TestCeph.user).keyring", "-n",
                "client.\(TestCeph.user)", "-p"
            ).trimmingCharacters(in: .whitespacesAndNewlines)
            let document = try libvirtd.virsh("dumpxml", "--security-info", "kc-\(order.id)")
            #expect(document.contains(ceph.secret.description.lowercased()) && !document.contains(key))
            #expect(host.upstream.host?.images == [order.image.id])
            let place = try CephPoolOfHost(ceph, "h1", host.paths)
            // A disk that a guest runs from stays, whoever wants to remove it.
            await #expect(throws: DiskStoreError.self) {
                try await place.disks.removeDisk(ObservedDisk(fence: 1, sizeGiB: 1), of: order.id)
            }
            host.upstream.remove(order.id)
            try await eventually("it is gone", state, within: .seconds(60)) {
                try ceph.rbd("ls") == ["image.\(order.image.id).\(order.image.size)"]
            }
        }
        try await CephPoolOfHost(ceph, "h1", host.paths).images.delete(order.image.id)
        #expect(try ceph.rbd("ls") == [])
    }

    /// The cluster is away: calls end in their time and say so; when it is there again they succeed.
    private func away(_ ceph: TestCeph) async throws {
        let store = CephImages(CephCluster(ceph.place, deadline: .seconds(2)), quota: 1 << 30)
        _ = try await store.list()
        try ceph.send(SIGSTOP)
        let time = await ContinuousClock().measure {
            await ImageStoreContract.expectError(.unavailable) { _ = try await store.list() }
        }
        #expect(time < .seconds(10))
        try ceph.send(SIGCONT)
        try await eventually("the cluster answers again", within: .seconds(20)) {
            do throws(ImageStoreError) { return try await store.list() == [] } catch { return false }
        }
    }
}
