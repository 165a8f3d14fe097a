"""Floods: what two honest guests lose while a third floods, against the same flood into a bridge that leads nowhere.

The flooder has one core, the honest pair the other.
"""
import json
import statistics
import subprocess
import tempfile
import time

from frames import ethernet, ipv6, options, sum_icmp
from scene import ROOT, Namespace, run, say
from wire import address_bytes, mac_bytes

FLOODER_CPU, HONEST_CPU = "0", "1"
SECONDS, RATE, PORT = 1.5, 5000, 19999
# Losses beyond the other side's that count as the same, in packets of a thousand.
TOLERANCE = 2.0


def floods(guest, scene):
    """(name, one frame) of each flood: what guards drop, and what a guest may send but not without end."""
    router = sum_icmp(guest.link_local, "ff02::1", b"\x86\0\0\0" + bytes(12))
    solicit = sum_icmp(guest.link_local, "ff02::1", b"\x87\0\0\0" + bytes(4) + address_bytes(scene.prefix + "::dead") + b"\x01\x01" + mac_bytes(guest.mac))
    group = "33:33:00:00:00:01"

    def to_all(following, payload, limit=255, mac=guest.mac, source=guest.link_local):
        return ethernet(group, mac, ipv6(source, "ff02::1", following, payload, limit))

    yield "router advertisements", to_all(58, router)
    yield "router advertisements behind hop-by-hop options", to_all(0, options(8, 58) + router)
    yield "a neighbour's MAC", to_all(17, bytes(8), mac=scene.guests["alice"].mac)
    yield "a neighbour's address", to_all(17, bytes(8), source=scene.guests["alice"].link_local)
    yield "IPv4 to everybody", ethernet("ff:ff:ff:ff:ff:ff", guest.mac, bytes.fromhex("4500001c00010000401166ce0a0000010a000002") + bytes(26), 0x0800)
    yield "neighbour solicitations to everybody", to_all(58, solicit)
    yield "multicast to everybody", to_all(17, bytes(8), 1)


class Floods:
    def __init__(self, scene):
        self.scene = scene
        self.folder = tempfile.TemporaryDirectory()
        self.program = f"{self.folder.name}/frames"
        run("cc", "-O2", "-o", self.program, ROOT / "Benchmarks" / "floors" / "frames.c")
        # The bridge that leads nowhere, on the same host: `idle` stands for a guest's namespace.
        host = scene.hosts["h1"]
        host.run("ip", "netns", "add", "idle")
        self.idle = host.guest("idle", Namespace)
        host.run("ip", "link", "add", "nowhere", "type", "bridge", "mcast_snooping", "0")
        host.run("ip", "link", "add", "nowhere0", "type", "veth", "peer", "name", "eth0", "netns", "idle")
        host.run("ip", "link", "set", "nowhere0", "master", "nowhere", "up")
        host.run("ip", "link", "set", "nowhere", "up")
        self.idle.run("ip", "link", "set", "eth0", "up")

    def lost(self, flooder, frame):
        """Lost packets in a thousand of an honest flow, and the flood's packets a second (None: no flood)."""
        alice, bob = self.scene.guests["alice"], self.scene.guests["bob"]

        def start(guest, cpu, *words):
            return subprocess.Popen(["nsenter", f"--net={guest.path}", "taskset", "-c", cpu, self.program, *map(str, words)],
                                    stdout=subprocess.PIPE, text=True)

        receiver = start(bob, HONEST_CPU, "count", bob.global_address, PORT, SECONDS + 1.2)
        flood = start(flooder, FLOODER_CPU, "raw", "eth0", frame.hex(), SECONDS + 0.8) if flooder else None
        time.sleep(0.3)
        sender = start(alice, HONEST_CPU, "udp", bob.global_address, PORT, 100, SECONDS, RATE)
        sent = json.loads(sender.communicate()[0])["packets"]
        rate = None
        if flood:
            result = json.loads(flood.communicate()[0])
            rate = result["packets"] / result["seconds"]
        received = json.loads(receiver.communicate()[0])["packets"]
        return max(0.0, (sent - received) / sent * 1000), rate

    def run(self, rounds):
        """(flood, lost in a thousand beside a guarded port's flood, the same beside the bridge that leads nowhere, rates)."""
        mallory = self.scene.guests["mallory"]
        rows = []
        for name, frame in floods(mallory, self.scene):
            guarded, idle, rates = [], [], []
            for _ in range(rounds):
                for flooder, losses in ((mallory, guarded), (self.idle, idle)):
                    loss, rate = self.lost(flooder, frame)
                    losses.append(loss)
                    rates.append(rate)
            rows.append((name, statistics.median(guarded), statistics.median(idle), statistics.median(rates[::2]), statistics.median(rates[1::2])))
        quiet, _ = self.lost(None, b"")
        say(f"attack: without a flood {quiet:.1f} ‰ are lost")
        return rows

    def close(self):
        host = self.scene.hosts["h1"]
        host.run("ip", "link", "delete", "nowhere", check=False)
        self.folder.cleanup()
