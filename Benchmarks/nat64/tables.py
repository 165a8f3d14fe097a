"""Fills the translator's tables for Benchmarks/nat64/run, in the layout of Sources/CBPF/nat64_layout.h."""
import socket
import struct
import subprocess


def put(table, key, value):
    words = lambda data: [f"{byte:02x}" for byte in data]
    path = ["pinned", f"/sys/fs/bpf/m/{table}"]
    subprocess.check_call(["bpftool", "map", "update", *path, "key", "hex", *words(key), "value", "hex", *words(value)])


def index(device):
    return int(open(f"/sys/class/net/{device}/ifindex").read())


ipv6 = socket.inet_pton(socket.AF_INET6, "fd00:1::10")
ipv4 = socket.inet_aton("203.0.113.10")
prefix = socket.inet_pton(socket.AF_INET6, "64:ff9b:1::")
own = socket.inet_aton("198.51.100.1")
numbers = struct.pack("=7I", 0, index("nat0"), index("up0"), 1500, 1500, 0, 1)
put("config", bytes(4), prefix + own + bytes(4) + numbers)
put("by_ipv6", ipv6, ipv4 + bytes(20))
put("by_ipv4", ipv4, ipv6 + bytes(16))
