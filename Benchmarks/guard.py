"""What the guards of ports cost in the data path: packets and TCP between two guarded ports, against the same devices
without rules, with many ports, and with a rule for each port. All hosts stand side by side and are measured in turns."""
import contextlib
import ipaddress
import json
import os
import signal
import subprocess
import threading
import time

from cloud import Cloud, UnixConnection
from fabric import in_sync
from measure import Row, Scene, calm, compile_floor, eventually, forget, ratio_row, run, say, show, spread

FEW, MANY, SEGMENTS = 10, 1000, 10
# A slice of each host in turn, so that a slow moment of the machine meets all of them.
SLICE, SLICES = 0.2, 5
SENDER_CPU = "1"
PORT = 7777


class Pair:
    """A host with `ports` ports, two of which are namespaces that talk."""

    def __init__(self, scene, cloud, index, name, ports, policies=None):
        self.scene, self.cloud, self.name = scene, cloud, name
        self.host = cloud.host(name, f"fd00:a::{index:x}")
        self.guests = [scene.namespace(f"{name}{side}") for side in "ab"]
        self.mac = [f"02:99:{index:02x}:00:00:{side:02x}" for side in (1, 2)]
        self.prefix = f"fd00:{0xb00 + index:x}"
        many = min(SEGMENTS, max(1, ports // 10))
        for segment in range(many):
            cloud.segment(f"{name}-{segment}", ipam="manual", prefix=f"{self.prefix}:0:{segment:x}::/64")
        self.addresses = [f"{self.prefix}::{side}" for side in (0xa, 0xb)]
        for guest, mac, address in zip(self.guests, self.mac, self.addresses):
            spec = {"segment": f"{name}-0", "host": name, "mac": mac, "addresses": [address],
                    "port": {"type": "namespace", "namespace": guest}}
            if policies:
                spec["policies"] = policies
            cloud.call("POST", "/v1/projects/default/attachments", {"name": guest.split("-")[-1], "spec": spec})
        self.fill(ports - 2, many)
        agent = cloud.agent(name, self.host)
        eventually(lambda: in_sync(scene, name, ports), 180, f"{ports} ports of {name}")
        for guest, address in zip(self.guests, self.addresses):
            forget(guest)
            # The stack's own noise would be measured too.
            run("ip", "-n", guest, "address", "add", f"{address}/64", "dev", "eth0", "nodad")
        eventually(self.reaches, 20, f"{name}: a first ping")
        self.agent = agent.pid

    def fill(self, count, segments):
        def work(offset):
            connection = UnixConnection(self.cloud.socket)
            for number in range(offset, count, 16):
                self.cloud.attachment(f"{self.name}-{number}", f"{self.name}-{number % segments}", self.name, connection)

        threads = [threading.Thread(target=work, args=(offset,)) for offset in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def inside(self, side, *words, **options):
        return run("ip", "netns", "exec", self.guests[side], *words, **options)

    def reaches(self):
        return "1 received" in self.inside(0, "ping", "-6", "-n", "-q", "-c", "1", "-W", "1", self.addresses[1], check=False)

    def still(self):
        """The agent does nothing while packets are counted, and repairs nothing."""
        os.kill(self.agent, signal.SIGSTOP)

    def resume(self):
        os.kill(self.agent, signal.SIGCONT)

    def unguard(self):
        """No rules at all."""
        for table in ("bridge", "inet"):
            run("ip", "netns", "exec", self.host, "nft", "delete", "table", table, "kc")
        for link in json.loads(run("ip", "-n", self.host, "-j", "link")):
            if link["ifname"].startswith(("kct", "kcx")):
                # Without the tables the gates let nothing through.
                run("ip", "netns", "exec", self.host, "tc", "qdisc", "delete", "dev", link["ifname"], "clsact")

    def one_rule_a_port(self):
        """What a port costs where each has a rule: all are walked for each frame, the two that talk are the last."""
        devices = {d["ifindex"]: d["ifname"] for d in json.loads(run("ip", "-n", self.host, "-j", "link")) if d["ifname"].startswith("kct")}
        eth0 = [json.loads(run("ip", "-n", guest, "-j", "link", "show", "eth0"))[0] for guest in self.guests]
        macs = {devices.pop(link["link_index"]): link["address"] for link in eth0}
        lines = [(device, "02:00:00:00:00:01") for device in devices.values()] + list(macs.items())
        rules = "".join(f'\t\tiifname "{device}" ether saddr {mac} accept\n' for device, mac in lines)
        text = f'table bridge linear {{\n\tchain from-port {{\n\t\ttype filter hook prerouting priority -350; policy accept;\n{rules}\t\tiifname "kct*" drop\n\t}}\n}}\n'
        run("ip", "netns", "exec", self.host, "nft", "-f", "-", input=text)

    def frame(self):
        """64 bytes on the wire (60 here, the checksum of Ethernet is not ours): UDP from the first guest to the second."""
        source, target = (ipaddress.ip_address(a).packed for a in self.addresses)
        mac = [bytes.fromhex(run("ip", "netns", "exec", g, "cat", "/sys/class/net/eth0/address").strip().replace(":", "")) for g in self.guests]
        udp = PORT.to_bytes(2, "big") * 2 + (8).to_bytes(2, "big") + b"\0\0"
        total = sum(int.from_bytes((source + target + (8).to_bytes(4, "big") + b"\0\0\0\x11" + udp)[i:i + 2], "big") for i in range(0, 48, 2))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        udp = udp[:6] + (~total & 0xFFFF or 0xFFFF).to_bytes(2, "big")
        return (mac[1] + mac[0] + b"\x86\xdd" + b"\x60\0\0\0" + (8).to_bytes(2, "big") + b"\x11\x40" + source + target + udp).hex()


class Rates:
    """Packets a second of several pairs, measured in turns."""

    def __init__(self, scene, pairs):
        self.program, self.pairs = compile_floor(scene, "frames"), pairs
        self.frames = {pair.name: pair.frame() for pair in pairs}
        for pair in pairs:
            process = subprocess.Popen(["ip", "netns", "exec", pair.guests[1], self.program, "hold", pair.addresses[1], str(PORT)],
                                       stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
            scene.processes.append(process)

    def received(self, pair):
        return int(pair.inside(1, "cat", "/sys/class/net/eth0/statistics/rx_packets"))

    def one(self, pair, kind):
        words = ["raw", "eth0", self.frames[pair.name], SLICE] if kind == "raw" else ["udp", pair.addresses[1], PORT, 12, SLICE]
        before = self.received(pair)
        # At a real-time priority: nothing that else runs on that core is counted as a cost of rules.
        result = json.loads(pair.inside(0, "chrt", "-f", "20", "taskset", "-c", SENDER_CPU, self.program, *words))
        arrived = self.received(pair) - before
        if arrived < result["packets"] * 0.5:
            raise RuntimeError(f"{pair.name}: {arrived} of {result['packets']} packets arrived")
        return arrived / result["seconds"]

    def round(self, kind):
        """Packets a second of each pair: the median of its slices."""
        totals = {pair.name: [] for pair in self.pairs}
        for turn in range(SLICES):
            for pair in self.pairs if turn % 2 else reversed(self.pairs):
                totals[pair.name].append(self.one(pair, kind))
        return {name: spread(values)[0] for name, values in totals.items()}


def streams(pair):
    """Gbit/s of one TCP stream of 2 s between the two guests of a pair."""
    server = subprocess.Popen(["ip", "netns", "exec", pair.guests[1], "taskset", "-c", "0", "iperf3", "-6", "-s", "-1"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: ":5201" in pair.inside(1, "ss", "-Hltn"), 5, "iperf3")
        output = pair.inside(0, "taskset", "-c", SENDER_CPU, "iperf3", "-6", "-c", pair.addresses[1], "-t", "2", "-O", "0.5", "-J")
        return json.loads(output)["end"]["sum_received"]["bits_per_second"] / 1e9
    finally:
        server.kill()
        server.wait()


def allow_by_port(cloud):
    """A policy that lets the test's own ports in, by rules: the stateful path."""
    cloud.call("POST", "/v1/projects/default/policies", {"name": "by-port", "spec": {
        "ingress": [{"protocol": "udp", "ports": [PORT]}, {"protocol": "tcp", "ports": [5201]}, {"protocol": "icmpv6"}],
        "egress": [{"protocol": "any"}],
    }})


def guard(rounds):
    rates, gbits = {}, {}
    with Scene("guard") as scene, contextlib.ExitStack() as ends:
        calm()
        cloud = Cloud(scene)
        pairs = [Pair(scene, cloud, 1, "few", FEW), Pair(scene, cloud, 2, "many", MANY), Pair(scene, cloud, 3, "bare", FEW),
                 Pair(scene, cloud, 4, "linear", MANY)]
        allow_by_port(cloud)
        pairs.append(Pair(scene, cloud, 5, "stateful", FEW, policies=["by-port"]))
        few, many, bare, linear, stateful = pairs
        for pair in pairs:
            pair.still()
            ends.callback(pair.resume)
        bare.unguard()
        linear.unguard()
        linear.one_rule_a_port()
        measured = Rates(scene, pairs)
        for kind in ("udp", "raw"):
            measured.round(kind)
            for number in range(rounds):
                result = measured.round(kind)
                for name, value in result.items():
                    rates.setdefault((kind, name), []).append(value)
                say(f"  {kind} round {number + 1}: " + ", ".join(f"{name} {value / 1000:.0f}k" for name, value in result.items()))
        for number in range(rounds):
            # Who goes first after a pause has a cold machine or a rested one: not always the same.
            for pair in (few, bare, stateful) if number % 2 else (stateful, bare, few):
                gbits.setdefault(pair.name, []).append(streams(pair))
            say(f"  TCP round {number + 1}: " + ", ".join(f"{name} {values[-1]:.2f}" for name, values in gbits.items()) + " Gbit/s")
    rows = []
    for kind, words in (("udp", "a UDP socket sends"), ("raw", "AF_PACKET sends")):
        get = lambda name: rates[kind, name]
        rows += [
            ratio_row(f"64 B packets between guarded ports ÷ no rules, {words}", "≥ 0.88", get("few"), get("bare"), lambda r: r >= 0.88, "/s", rate=True),
            ratio_row(f"the same with a stateful policy, {words}", "≥ 0.6", get("stateful"), get("bare"), lambda r: r >= 0.6, "/s", rate=True),
            ratio_row(f"1,000 guarded ports ÷ 10, {words}", "≥ 0.97", get("many"), get("few"), lambda r: r >= 0.97, "/s", rate=True),
            ratio_row(f"1,000 guarded ports ÷ 1,000 with a rule each, {words}", "≥ 5", get("many"), get("linear"), lambda r: r >= 5, "/s", rate=True),
        ]
    rows += [
        ratio_row("TCP between guarded ports ÷ no rules", "≥ 0.95", gbits["few"], gbits["bare"], lambda r: r >= 0.95, " Gbit/s", rate=True),
        ratio_row("TCP with a stateful policy ÷ no rules", "reported", gbits["stateful"], gbits["bare"], lambda r: None, " Gbit/s", rate=True),
    ]
    return rows
