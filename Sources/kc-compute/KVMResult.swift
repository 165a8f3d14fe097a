import Glibc
import HostState
import LibvirtHypervisor

/// Whether KVM works, found out once a boot: a probe of what hangs takes its whole time.
enum KVMResult {
    /// nil when it works, else why not.
    static func known(in folder: String) -> String? {
        let path = folder + "/kvm"
        // Without the boot's id, or when what was found cannot be read or kept, it is found out again.
        let boot = (try? AtomicFile.read("/proc/sys/kernel/random/boot_id", limit: 64)).flatMap { $0 } ?? []
        let kept = (try? AtomicFile.read(path, limit: 4096)).flatMap { $0 } ?? []
        if !boot.isEmpty, kept.starts(with: boot) {
            let reason = String(decoding: kept.dropFirst(boot.count), as: UTF8.self)
            return reason.isEmpty ? nil : reason
        }
        let reason = KVMProbe.run(in: folder)
        try? AtomicFile.write(boot + Array((reason ?? "").utf8), to: path, mode: 0o600)
        return reason
    }
}
