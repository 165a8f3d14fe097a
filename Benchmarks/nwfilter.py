"""The peer: libvirt's `clean-traffic` on as many ports of a bridge, bound without virtual machines (nwfilter-binding-create).

It knows IPv4 and ARP alone and drops IPv6, so its packets are IPv4; each side is measured against its own bare bridge.
"""
import json
import subprocess
import time
import uuid

from guard import SENDER_CPU, SLICE, SLICES
from measure import Row, Scene, compile_floor, eventually, ratio_row, run, say, show, spread

PORTS = 100

# libvirtd without systemd, users or folders of its own: everything is bound over in a private mount namespace.
START = r"""
set -e
cd "$1"
mkdir -p run lib cache log etc/nwfilter
cp /etc/libvirt/nwfilter/*.xml etc/nwfilter/
printf 'unix_sock_group = "root"\nauth_unix_rw = "none"\nauth_unix_ro = "none"\n' > etc/libvirtd.conf
printf 'user = "root"\ngroup = "root"\nsecurity_driver = "none"\nnamespaces = []\ncgroup_controllers = []\nstdio_handler = "file"\n' > etc/qemu.conf
cp /etc/passwd passwd; echo 'libvirt-qemu:x:64055:0::/:/usr/sbin/nologin' >> passwd
cp /etc/group group; echo 'libvirt-qemu:x:64055:' >> group
mkdir -p /run/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt
mount --bind run /run/libvirt; mount --bind lib /var/lib/libvirt; mount --bind cache /var/cache/libvirt
mount --bind log /var/log/libvirt; mount --bind etc /etc/libvirt; mount --bind passwd /etc/passwd; mount --bind group /etc/group
exec libvirtd -p "$1/pid"
"""


class Bridge:
    """A bridge with ports, the first two of which lead to namespaces with IPv4."""

    def __init__(self, scene, name, ports):
        self.host = scene.namespace(name)
        self.guests = [scene.namespace(f"{name}{side}") for side in "ab"]
        run("ip", "-n", self.host, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        run("ip", "-n", self.host, "link", "set", "br0", "up")
        for number in range(ports):
            # A name of its own for the other end, or a binding would not know whose it is.
            peer = ["name", "eth0", "netns", self.guests[number]] if number < 2 else ["name", f"q{number}"]
            run("ip", "-n", self.host, "link", "add", f"kvp{number}", "type", "veth", "peer", *peer)
            run("ip", "-n", self.host, "link", "set", f"kvp{number}", "master", "br0", "up")
        for number, guest in enumerate(self.guests):
            run("ip", "-n", guest, "link", "set", "eth0", "address", self.mac(number), "up")
            run("ip", "-n", guest, "address", "add", f"10.0.0.{number + 1}/16", "dev", "eth0")
            other = 1 - number
            run("ip", "-n", guest, "neigh", "replace", f"10.0.0.{other + 1}", "lladdr", self.mac(other), "dev", "eth0")

    @staticmethod
    def mac(number):
        return f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"

    def frame(self):
        header = bytearray.fromhex("4500002e00010000401100000a0000010a000002")
        total = sum(int.from_bytes(header[i:i + 2], "big") for i in range(0, 20, 2))
        total = (total & 0xFFFF) + (total >> 16)
        header[10:12] = (~total & 0xFFFF).to_bytes(2, "big")
        udp = bytes.fromhex("1e611e61001a0000") + bytes(18)
        return (bytes.fromhex((self.mac(1) + self.mac(0)).replace(":", "")) + b"\x08\0" + header + udp).hex()

    def rate(self, program):
        def received():
            return int(run("ip", "netns", "exec", self.guests[1], "cat", "/sys/class/net/eth0/statistics/rx_packets"))

        before = received()
        result = json.loads(run("ip", "netns", "exec", self.guests[0], "taskset", "-c", SENDER_CPU, program, "raw", "eth0", self.frame(), SLICE))
        arrived = received() - before
        if arrived < result["packets"] * 0.5:
            raise RuntimeError(f"{arrived} of {result['packets']} packets arrived")
        return arrived / result["seconds"]


class Libvirt:
    def __init__(self, scene, namespace):
        folder = scene.folder / "libvirt"
        folder.mkdir()
        self.process = scene.start("ip", "netns", "exec", namespace, "unshare", "-m", "bash", "-c", START, "bash", folder, log="libvirt.log")
        self.folder = folder
        eventually(lambda: (folder / "run" / "libvirt-sock").exists(), 30, "libvirtd")

    def bind(self, number):
        """Binds `clean-traffic` to a port; gives the milliseconds that virsh took."""
        text = (f"<filterbinding><owner><name>vm{number}</name><uuid>{uuid.uuid4()}</uuid></owner><portdev name='kvp{number}'/>"
                f"<mac address='{Bridge.mac(number)}'/><filterref filter='clean-traffic'>"
                f"<parameter name='IP' value='10.0.{number >> 8}.{(number & 255) + 1}'/></filterref></filterbinding>")
        (self.folder / "binding.xml").write_text(text)
        begin = time.monotonic()
        run("virsh", "-q", "-c", f"nwfilter+unix:///system?socket={self.folder}/run/libvirt-sock", "nwfilter-binding-create", self.folder / "binding.xml")
        return (time.monotonic() - begin) * 1000


def nwfilter(rounds):
    with Scene("nwfilter") as scene:
        program = compile_floor(scene, "frames")
        bound, bare = Bridge(scene, "bound", PORTS + rounds), Bridge(scene, "bare", PORTS)
        libvirt = Libvirt(scene, bound.host)
        times = [libvirt.bind(number) for number in range(PORTS)]
        say(f"  libvirt: {PORTS} ports bound, the last in {times[-1]:.0f} ms")
        last = [libvirt.bind(PORTS + number) for number in range(rounds)]
        rates, floor = [], []
        for number in range(rounds):
            samples = {bound: [], bare: []}
            for turn in range(SLICES):
                for bridge in (bound, bare):
                    samples[bridge].append(bridge.rate(program))
            rates.append(spread(samples[bound])[0])
            floor.append(spread(samples[bare])[0])
            say(f"  round {number + 1}: clean-traffic {rates[-1] / 1000:.0f}k/s, bare {floor[-1] / 1000:.0f}k/s; one port {last[number]:.0f} ms")
    return [
        ratio_row(f"libvirt clean-traffic, {PORTS} ports, 64 B of IPv4 ÷ no rules", "beside ours", rates, floor, lambda r: None, "/s", rate=True),
        Row(f"libvirt clean-traffic, one more port at {PORTS}", "beside ours", "", None, "", show(last, " ms"), rounds),
    ]
