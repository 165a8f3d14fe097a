import Addressing
import CMnl
import Glibc
package import NetworkModel
import NetworkPlanning
package import NodePorts

/// Named network namespaces as iproute2 makes them: a file in /run/netns with the namespace mounted on it.
package struct LinuxNamespaces: Namespaces {
    private let threads: NamespaceThreads

    package init(threads: NamespaceThreads) { self.threads = threads }

    /// Also ends this process's threads in namespaces that others have deleted, which would keep them alive.
    package func list() async throws(NodeError) -> Set<NamespaceName> {
        threads.retireGone()
        guard let directory = opendir(NamespaceFile.directory) else {
            guard errno != ENOENT else { return [] }
            throw KernelError.last("opendir").error("list", NamespaceFile.directory)
        }
        defer { closedir(directory) }
        var names: Set<NamespaceName> = []
        while let entry = readdir(directory) {
            let text = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            // Names that KC does not give (".", "..", spaces) are none of its business; a plain file that a crash left
            // without its mount is no namespace, and `create` takes it over.
            if let name = NamespaceName(text), Self.isNamespace(NamespaceFile.path(name)) { names.insert(name) }
        }
        return names
    }

    package func create(_ name: NamespaceName) async throws(NodeError) {
        let home = threads.home
        let outcome: Result<Void, NodeError> = await withCheckedContinuation { continuation in
            do throws(KernelError) {
                try startThread { continuation.resume(returning: Self.make(name, home: home)) }
            } catch {
                continuation.resume(returning: .failure(error.error("create namespace", name.text)))
            }
        }
        try outcome.get()
        try await threads.thread(for: name).run { context throws(NodeError) in
            try Self.prepare(context, name)
        }
    }

    package func delete(_ name: NamespaceName) async throws(NodeError) {
        threads.retire(name)
        let path = NamespaceFile.path(name)
        // EINVAL: nothing is mounted there; ENOENT: nothing is there.
        if umount2(path, Int32(MNT_DETACH)) != 0, errno != EINVAL, errno != ENOENT {
            throw KernelError.last("umount2 \(path)").error("delete namespace", name.text)
        }
        guard unlink(path) == 0 || errno == ENOENT else {
            throw KernelError.last("unlink \(path)").error("delete namespace", name.text)
        }
    }

    package func setForwarding(_ on: Bool, in name: NamespaceName) async throws(NodeError) {
        try await threads.thread(for: name).run { _ throws(NodeError) in
            do throws(KernelError) {
                try DeviceFiles.write(on ? "1" : "0", to: "/proc/sys/net/ipv6/conf/all/forwarding")
            } catch {
                throw error.error("set forwarding in", name.text)
            }
        }
    }

    /// On a thread of its own: leaves home into a new namespace, mounts it on its name, comes home.
    private static func make(_ name: NamespaceName, home: HomeNamespace) -> Result<Void, NodeError> {
        let path = NamespaceFile.path(name)
        var isMine = false
        do throws(KernelError) {
            try shareDirectory()
            let descriptor = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0)
            if descriptor < 0 {
                // There already; a plain file that a crash left without its mount is taken over below.
                guard errno == EEXIST else { throw .last("open \(path)") }
                guard !isNamespace(path) else { return .success(()) }
            } else {
                close(descriptor)
            }
            isMine = true
            guard unshare(Int32(CMNL_CLONE_NEWNET)) == 0 else { throw .last("unshare(CLONE_NEWNET)") }
            defer { home.enter() }
            // Before it has a name: whoever finds it sees that it was left by an interrupted creation, until its
            // loopback device has an alias.
            let netlink = try NetlinkConnection()
            netlink.request.adjust(.loopback, group: ObservedLink.creationGroup)
            try netlink.acknowledge()
            guard mount("/proc/thread-self/ns/net", path, "none", UInt(MS_BIND), nil) == 0 else {
                throw .last("mount \(path)")
            }
            return .success(())
        } catch {
            if isMine { unlink(path) }
            return .failure(error.error("create namespace", name.text))
        }
    }

    /// Whether a namespace is mounted on the file: its filesystem is nsfs (NSFS_MAGIC, linux/magic.h).
    private static func isNamespace(_ path: String) -> Bool {
        var status = statfs()
        return statfs(path, &status) == 0 && status.f_type == 0x6e73_6673
    }

    /// Makes /run/netns a shared mount, as `ip netns add` does, so that a namespace made or deleted here is so in other
    /// mount namespaces too.
    private static func shareDirectory() throws(KernelError) {
        let directory = NamespaceFile.directory
        if mkdir(directory, 0o755) != 0, errno != EEXIST { throw .last("mkdir \(directory)") }
        if mount("", directory, "none", UInt(MS_SHARED | MS_REC), nil) == 0 { return }
        guard errno == EINVAL else { throw .last("share \(directory)") }
        // It is no mount point yet: a bind mount of itself makes it one.
        guard mount(directory, directory, "none", UInt(MS_BIND | MS_REC), nil) == 0,
            mount("", directory, "none", UInt(MS_SHARED | MS_REC), nil) == 0
        else { throw .last("bind \(directory)") }
    }

    /// A namespace KC made: loopback up; new devices take no router's word and use their addresses at once, for only KC
    /// assigns addresses in it.
    private static func prepare(_ context: NamespaceContext, _ name: NamespaceName) throws(NodeError) {
        do throws(KernelError) {
            for setting in ["accept_ra", "accept_dad", "autoconf"] {
                try DeviceFiles.write("0", to: "/proc/sys/net/ipv6/conf/default/\(setting)")
            }
            context.netlink.request.adjustLoopback()
            try context.netlink.acknowledge()
        } catch {
            throw error.error("prepare namespace", name.text)
        }
    }
}
