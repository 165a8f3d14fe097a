import Glibc
import LinuxProcesses
import NodePorts

/// Finds out whether KVM works, by running a guest of one sector on it: a /dev/kvm that is there may still hang every
/// guest. The guest starts by the firmware, waits for a tick of the timer, and says so by ending QEMU with a status of
/// its own.
package enum KVMProbe {
    /// Enable interrupts; halt until the BIOS' count of ticks (0:046c) has grown by 3; write 2a to port 501, which is the
    /// device that ends QEMU with (0x2a << 1) | 1; halt.
    private static let sector: [UInt8] = {
        let code: [UInt8] = [
            0xfb, 0x31, 0xc0, 0x8e, 0xd8, 0xa1, 0x6c, 0x04, 0x83, 0xc0, 0x03, 0x89, 0xc3, 0xf4, 0xa1, 0x6c, 0x04,
            0x39, 0xd8, 0x72, 0xf8, 0xba, 0x01, 0x05, 0xb0, 0x2a, 0xee, 0xf4, 0xeb, 0xfd,
        ]
        return code + [UInt8](repeating: 0, count: 510 - code.count) + [0x55, 0xaa]
    }()
    private static let spoken: Int32 = 0x2a << 1 | 1

    /// Blocks the calling thread, for at most `limit`.
    /// - Parameters:
    ///   - emulator: QEMU's program for x86_64.
    ///   - folder: where the sector is kept meanwhile.
    ///   - accelerator: "kvm"; "tcg" shows that the probe itself works.
    /// - Returns: nil when it works, else why not.
    package static func run(
        emulator: String = "/usr/bin/qemu-system-x86_64", in folder: String, accelerator: String = "kvm",
        within limit: Duration = .seconds(5)
    ) -> String? {
        if accelerator == "kvm", access("/dev/kvm", R_OK | W_OK) != 0 { return "/dev/kvm cannot be opened" }
        var path = Array("\(folder)/probe-XXXXXX".utf8CString)
        let file = mkstemp(&path)
        let name = String(decoding: path.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        guard file >= 0 else { return "no file can be made in \(folder): \(String(cString: strerror(errno)))" }
        defer { unlink(name) }
        let written = write(file, sector, sector.count)
        close(file)
        guard written == sector.count else { return "the probe cannot be written" }
        // QEMU splits options at commas; in a value they are doubled.
        let escaped = name.split(separator: ",", omittingEmptySubsequences: false).joined(separator: ",,")
        let arguments = [
            // The processor that domains have: one that KVM cannot give completely ends QEMU, whatever it does with a lesser one.
            "-machine", "pc,accel=\(accelerator)", "-cpu", accelerator == "kvm" ? "host" : "max", "-nodefaults",
            "-no-user-config", "-display", "none", "-m", "64",
            "-device", "isa-debug-exit,iobase=0x501,iosize=2", "-drive",
            "file=\(escaped),format=raw,if=ide,snapshot=on",
        ]
        do throws(NodeError) {
            let (end, output) = try ChildProcess.run(emulator, arguments, within: limit)
            if end == .exited(spoken) { return nil }
            return "the probe \(end): \(output.prefix(300))"
        } catch {
            return error.code == .errno(ETIMEDOUT) ? "a guest on it hangs" : "\(error)"
        }
    }
}
