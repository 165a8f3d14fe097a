"""DHCPv6 of a gateway: exchanges per second with 5,000 reservations through all of KC (guarded port, bridge, gateway) ÷ a
Kea that was configured by hand behind a plain bridge; and how long a new reservation takes to its first lease."""
import ipaddress
import json
import re
import subprocess
import time

from cloud import Cloud, UnixConnection
from measure import Row, Scene, eventually, ratio_row, run, say, show, spread

RESERVATIONS = 5000
# Exchanges a second, each for one second.
OFFERED = [round(500 * 1.15 ** step) for step in range(20)]
# With a link-local address that has no MAC in it the servers know the clients by their DUIDs, as perfdhcp makes them.
CLIENT = "fe80::be"


# A client with rapid commit (RFC 8415 section 18.2.1): says when it has begun, and when it was given an address.
ASKER = r"""
import socket, struct, sys, time
mac = bytes.fromhex(sys.argv[1].replace(":", ""))
link = socket.if_nametoindex("eth0")
client = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
client.bind(("::", 546, 0, link))
client.settimeout(0.02)
option = lambda code, data: struct.pack("!HH", code, len(data)) + data
options = option(1, struct.pack("!HH", 3, 1) + mac) + option(14, b"") + option(8, b"\0\0") + option(3, struct.pack("!III", 7, 0, 0))
number = 0
while True:
    number += 1
    client.sendto(bytes([1]) + number.to_bytes(3, "big") + options, ("ff02::1:2", 547, 0, link))
    try:
        answer = client.recv(2048)
        if answer[0] == 7 and struct.pack("!HH", 5, 24) in answer:
            break
        time.sleep(0.02)
    except TimeoutError:
        pass
    if number == 1:
        print("asked", flush=True)
print(time.monotonic())
"""


def mac(number):
    text = f"0299{number:08x}"
    return ":".join(text[at:at + 2] for at in range(0, 12, 2))


def client(namespace):
    """Gives eth0 of the namespace the link-local address that perfdhcp sends from, and no other."""
    run("ip", "-n", namespace, "-6", "address", "flush", "dev", "eth0", "scope", "link")
    run("ip", "-n", namespace, "address", "add", f"{CLIENT}/64", "dev", "eth0")
    eventually(lambda: "tentative" not in run("ip", "-n", namespace, "-6", "address", "show", "dev", "eth0"), what=CLIENT)


def exchanges(namespace, macs, count, options=()):
    """Completed four-way exchanges a second, and how many of those begun were not completed."""
    text = run("ip", "netns", "exec", namespace, "perfdhcp", "-6", "-g", "single", "-l", "eth0", "-M", macs, "-n", count, "-W",
               "200000", *options, "all", check=False)
    rate = float(re.search(r"Rate: ([\d.e+]+)", text).group(1))
    completed = int(re.search(r"received packets: (\d+)", text.split("REQUEST-REPLY")[1]).group(1))
    return rate, count - completed


def capacity(namespace, macs):
    """The highest offered rate at which no more than one exchange in a hundred is lost, to 2 % of it, as it was completed."""
    best, low = 0, 0
    for high in OFFERED:
        rate, lost = exchanges(namespace, macs, high, ("-r", high))
        if lost > high / 100:
            break
        best, low = rate, high
    for _ in range(3):
        offered = (low + high) // 2
        rate, lost = exchanges(namespace, macs, offered, ("-r", offered))
        if lost > offered / 100:
            high = offered
        else:
            best, low = rate, offered
    return best


class Ours:
    """A KC host with a gateway, and a guest on the same host."""

    def __init__(self, scene):
        self.cloud = Cloud(scene)
        host = self.cloud.host("h", "fd00:a::1")
        self.guest = scene.namespace("guest")
        self.cloud.segment("s", dhcp="stateful")
        self.cloud.call("POST", "/v1/projects/default/gateways", {"name": "g", "spec": {"host": "h", "segments": ["s"]}})
        for start in range(0, RESERVATIONS, 500):
            self.cloud.call("POST", "/v1/batch", {"operations": [
                {"verb": "create", "kind": "attachment", "project": "default",
                 "document": {"name": f"v{number}", "spec": {"segment": "s", "mac": mac(number)}}}
                for number in range(start, start + 500)]})
        # One port carries the clients of 5,000. All that they send goes to a group, and a port may send 1,000 such frames
        # a second unless it is said otherwise.
        self.cloud.call("POST", "/v1/projects/default/attachments", {"name": "guest", "spec": {
            "segment": "s", "host": "h", "port": {"type": "namespace", "namespace": self.guest},
            "limits": {"out": {"multicastPerSecond": 1000000}}}})
        self.cloud.agent("h", host)
        eventually(lambda: self.cloud.call("GET", "/v1/projects/default/gateways/g")["status"]["phase"] == "wired", 120, "gateway")
        eventually(lambda: self.cloud.wired() >= 2, 60, "guest")
        client(self.guest)

    def lease(self, number):
        """From the request that makes an attachment to the first lease of its address, in seconds. The client asks all the
        while, every 20 ms: one that keeps to RFC 8415 asks again after a second, and then that second would be measured."""
        asker = subprocess.Popen(["ip", "netns", "exec", self.guest, "python3", "-c", ASKER, mac(number)], stdout=subprocess.PIPE,
                                 text=True)
        try:
            # It has begun to ask, and is refused.
            asker.stdout.readline()
            begin = time.monotonic()
            self.cloud.call("POST", "/v1/projects/default/attachments", {"name": f"v{number}", "spec": {"segment": "s", "mac": mac(number)}},
                            UnixConnection(self.cloud.socket))
            output = asker.communicate(timeout=20)[0]
        finally:
            asker.kill()
        return float(output) - begin


class Hand:
    """What an administrator writes: one subnet, one reservation a client, the same logging and lease file."""

    def __init__(self, scene):
        self.server, self.guest = scene.namespace("hand"), scene.namespace("handguest")
        ip = lambda *words: run("ip", "-n", self.server, *words)
        ip("link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        for name, peer, namespace in (("s0", "seg0", self.server), ("g0", "eth0", self.guest)):
            ip("link", "add", name, "master", "br0", "type", "veth", "peer", "name", peer, "netns", namespace)
            ip("link", "set", name, "up")
        run("ip", "-n", self.guest, "link", "set", "eth0", "up")
        ip("link", "set", "br0", "up")
        ip("link", "set", "seg0", "up")
        ip("address", "add", "fe80::1/64", "dev", "seg0", "nodad")
        folder = scene.folder / "hand"
        folder.mkdir()
        network = ipaddress.IPv6Address("fd00:1::")
        (folder / "kea.json").write_text(json.dumps({"Dhcp6": {
            "interfaces-config": {"interfaces": ["seg0"]},
            "lease-database": {"type": "memfile", "name": str(folder / "leases.csv"), "lfc-interval": 3600},
            "server-id": {"type": "LL", "htype": 1, "identifier": "720000000001", "persist": False},
            "host-reservation-identifiers": ["hw-address"],
            "loggers": [{"name": "kea-dhcp6", "severity": "WARN", "output_options": [{"output": str(folder / "log")}]}],
            "subnet6": [{"id": 1, "subnet": "fd00:1::/64", "interface": "seg0", "reservations": [
                {"hw-address": mac(number), "ip-addresses": [str(network + 0x10000 + number)]} for number in range(RESERVATIONS)]}],
        }}))
        scene.start("ip", "netns", "exec", self.server, "env", f"KEA_PIDFILE_DIR={folder}", f"KEA_LOCKFILE_DIR={folder}", "kea-dhcp6",
                    "-c", folder / "kea.json", log="hand.log")
        eventually(lambda: ":547" in run("ip", "netns", "exec", self.server, "ss", "-Hlun"), what="Kea by hand")
        client(self.guest)


def dhcp(rounds):
    with Scene("dhcp") as scene:
        macs = scene.folder / "macs"
        macs.write_text("".join(mac(number) + "\n" for number in range(RESERVATIONS)))
        hand, ours = Hand(scene), Ours(scene)
        # With a lease for most of the 5,000; before the file of leases grows by what no 5,000 guests would have written.
        exchanges(ours.guest, macs, RESERVATIONS, ("-r", 800))
        times = [ours.lease(RESERVATIONS + number) for number in range(4 * rounds)]
        rates = {hand: [], ours: []}
        # Once unmeasured: then most clients have leases, on both sides.
        for _ in range(rounds + 1):
            for side in (hand, ours):
                rate = capacity(side.guest, macs)
                say(f"bench: dhcp: {'hand' if side is hand else 'ours'} {rate:.0f}/s")
                rates[side].append(rate)
        median, _ = spread(times)
        return [
            ratio_row(f"DHCPv6 exchanges a second, {RESERVATIONS:,} reservations ÷ Kea by hand", "≥ 0.9", rates[ours][1:],
                      rates[hand][1:], lambda ratio: ratio >= 0.9, "/s", rate=True),
            Row("new reservation to first lease, among 5,000", "≤ 1 s", "", median <= 1, show(times, " s"),
                f"worst {max(times):.2f} s", len(times)),
        ]
