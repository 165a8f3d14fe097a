"""The peer: libvirt's `clean-traffic` on as many ports as ours, bound without virtual machines (nwfilter-binding-create).

It knows IPv4 and ARP alone and drops IPv6, so its packets are IPv4 and ours IPv6; each side is measured against a bridge without
rules that has as many ports and the same packets. All four stand side by side and are measured in turns. One more port is what the
filters of it cost: `virsh nwfilter-binding-create` (less the time of a `virsh` that only asks), and the agent's packet filter
(GuardBench, as in `elements`); neither makes a device.
"""
import contextlib
import json
import statistics
import subprocess
import time
import uuid

from cloud import Cloud
from elements import Bench
from guard import PORT, SENDER_CPU, SLICE, SLICES, Pair, Rates
from measure import Row, Scene, calm, compile_floor, eventually, ratio_row, run, say, show, spread

COUNTS = (10, 100)
# By how many ports the table of ours is grown and shrunk again in each round.
EXTRA = 20

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
        """As `Rates.one`."""
        def received():
            return int(run("ip", "netns", "exec", self.guests[1], "cat", "/sys/class/net/eth0/statistics/rx_packets"))

        before = received()
        result = json.loads(run("ip", "netns", "exec", self.guests[0], "chrt", "-f", "20", "taskset", "-c", SENDER_CPU, program, "raw", "eth0",
                                self.frame(), SLICE))
        arrived = received() - before
        if arrived < result["packets"] * 0.5:
            raise RuntimeError(f"{arrived} of {result['packets']} packets arrived")
        return arrived / result["seconds"]

    def hold(self, scene):
        """Somebody who listens and never reads: nobody answers that the port is closed."""
        text = f"import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', {PORT})); sys.stdin.read()"
        scene.processes.append(subprocess.Popen(["ip", "netns", "exec", self.guests[1], "python3", "-c", text], stdin=subprocess.PIPE))


class Libvirt:
    def __init__(self, scene, namespace):
        folder = scene.folder / "libvirt"
        folder.mkdir()
        self.process = scene.start("ip", "netns", "exec", namespace, "unshare", "-m", "bash", "-c", START, "bash", folder, log="libvirt.log")
        self.folder = folder
        eventually(lambda: (folder / "run" / "libvirt-sock").exists(), 30, "libvirtd")

    def virsh(self, *words):
        """The milliseconds that virsh took."""
        begin = time.monotonic()
        run("virsh", "-q", "-c", f"nwfilter+unix:///system?socket={self.folder}/run/libvirt-sock", *words)
        return (time.monotonic() - begin) * 1000

    def bind(self, number):
        """Binds `clean-traffic` to a port; gives the milliseconds that virsh took."""
        text = (f"<filterbinding><owner><name>vm{number}</name><uuid>{uuid.uuid4()}</uuid></owner><portdev name='kvp{number}'/>"
                f"<mac address='{Bridge.mac(number)}'/><filterref filter='clean-traffic'>"
                f"<parameter name='IP' value='10.0.{number >> 8}.{(number & 255) + 1}'/></filterref></filterbinding>")
        (self.folder / "binding.xml").write_text(text)
        return self.virsh("nwfilter-binding-create", self.folder / "binding.xml")


def one_count(ports, rounds):
    """Both sides with as many ports: packets by side, and milliseconds of one more port."""
    rates, times = {}, {"theirs": [], "ours": [], "asking": []}
    with Scene(f"nwfilter{ports}") as scene, contextlib.ExitStack() as ends:
        calm()
        cloud = Cloud(scene)
        guarded, unguarded = Pair(scene, cloud, 1, "guarded", ports), Pair(scene, cloud, 2, "unguarded", ports)
        for pair in (guarded, unguarded):
            pair.still()
            ends.callback(pair.resume)
        unguarded.unguard()
        measured = Rates(scene, [guarded, unguarded])
        bound, bare = Bridge(scene, "bound", ports + rounds), Bridge(scene, "bare", ports + rounds)
        for bridge in (bound, bare):
            bridge.hold(scene)
        libvirt = Libvirt(scene, bound.host)
        begin = time.monotonic()
        for number in range(ports):
            libvirt.bind(number)
        say(f"  libvirt: {ports} ports bound in {time.monotonic() - begin:.0f} s")
        table = Bench(scene, ports, max(1, ports // 10), EXTRA, 0)
        table.ask("ports")
        sides = {"ours": lambda: measured.one(guarded, "raw"), "our bare": lambda: measured.one(unguarded, "raw"),
                 "theirs": lambda: bound.rate(measured.program), "their bare": lambda: bare.rate(measured.program)}
        for number in range(rounds):
            samples = {side: [] for side in sides}
            for turn in range(SLICES):
                for side in list(sides) if turn % 2 else reversed(sides):
                    samples[side].append(sides[side]())
            for side, values in samples.items():
                rates.setdefault(side, []).append(spread(values)[0])
            times["asking"].append(libvirt.virsh("nwfilter-binding-dumpxml", "kvp0"))
            times["theirs"].append(libvirt.bind(ports + number))
            times["ours"].append(statistics.median(table.ask("ports")))
            say(f"  {ports} ports, round {number + 1}: " + ", ".join(f"{side} {values[-1] / 1000:.0f}k/s" for side, values in rates.items())
                + f"; one more port {times['ours'][-1]:.3f} ms, virsh {times['theirs'][-1]:.0f} ms (asking {times['asking'][-1]:.0f} ms)")
    return rates, times


def nwfilter(rounds):
    rows = []
    for ports in COUNTS:
        rates, times = one_count(ports, rounds)
        ours = [guarded / bare for guarded, bare in zip(rates["ours"], rates["our bare"])]
        theirs = [bound / bare for bound, bare in zip(rates["theirs"], rates["their bare"])]
        alone = [max(0.001, bind - ask) for bind, ask in zip(times["theirs"], times["asking"])]
        rows += [
            ratio_row(f"{ports} ports, 64 B packets ÷ no rules: ours (IPv6) ÷ libvirt's clean-traffic (IPv4)", "beside the peer",
                      ours, theirs, lambda r: None, " of no rules", rate=True),
            Row("the same, packets a second", "reported", "", None, show(rates["ours"], "/s"), show(rates["theirs"], "/s"), rounds),
            ratio_row(f"{ports} ports, the filters of one more: virsh nwfilter-binding-create, less a virsh that asks ÷ the agent's filter",
                      "beside the peer", times["ours"], alone, lambda r: None, " ms"),
        ]
    return rows
