/// Takes the gates of all ports of a network namespace away, as an operator's mistake would.
package enum PortGateOpener {
    /// For `python3 -c`, in the namespace. Where the kernel attaches programs to queues alone (before 6.6) it takes the
    /// queues. In Python because Debian 12's bpftool does not know of places without a queue.
    package static let script = """
        import ctypes, os, platform, socket, struct, subprocess, sys
        bpf = {"x86_64": 321, "aarch64": 280}[platform.machine()]
        libc, detach, query, by_id, egress = ctypes.CDLL(None, use_errno=True), 9, 16, 13, 47
        def call(command, layout, *values):
            attributes = ctypes.create_string_buffer(struct.pack(layout, *values).ljust(128, bytes(1)))
            result = libc.syscall(bpf, command, attributes, 128)
            if result < 0: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            return result, attributes.raw
        for name in (name for _, name in socket.if_nameindex() if name.startswith("kct")):
            index, ids = socket.if_nametoindex(name), (ctypes.c_uint32 * 8)()
            try: found = call(query, "IIIIQI", index, egress, 0, 0, ctypes.addressof(ids), 8)[1]
            except OSError: subprocess.run(["tc", "qdisc", "del", "dev", name, "clsact"], check=True); continue
            count = struct.unpack_from("I", found, 24)[0]
            if not count: sys.exit(f"{name} has no gate")
            for program in ids[:count]: call(detach, "IIII", index, call(by_id, "I", program)[0], egress, 0)
        """
}
