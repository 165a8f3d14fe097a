"""NAT64 of a mapped guest through a real gateway with its firewall: the kernel's translator ÷ the same gateway's plain IPv6
forwarding, and ÷ a gateway of a host where the program cannot be loaded, so that tayga translates."""
import json
import shutil
import subprocess

from cloud import Cloud
from measure import RELEASE, ROOT, Scene, eventually, ratio_row, run, say

MEASURES = {"TCP to IPv4": [], "TCP from IPv4": ["-R"], "64-byte packets": ["-u", "-b", "0", "-l", "16"]}
SECONDS = 2


class Side:
    """A host with a gateway, a guest with a mapping, and an outside of both families beyond the gateway's uplink."""

    def __init__(self, scene, cloud, number, program):
        name = f"h{number}"
        host = cloud.host(name, f"fd00:a::{number}")
        self.guest, self.outside = scene.namespace(f"guest{number}"), scene.namespace(f"outside{number}")
        run("ip", "-n", host, "link", "add", "up1", "type", "veth", "peer", "name", "eth0", "netns", self.outside)
        for words in (["address", "add", "2001:db8:fffe::1/64", "dev", "eth0", "nodad"],
                      ["address", "add", "192.88.99.193/30", "dev", "eth0"], ["link", "set", "eth0", "up"],
                      ["route", "add", "192.88.99.0/26", "via", "192.88.99.194"],
                      ["-6", "route", "add", "default", "via", "2001:db8:fffe::2"]):
            run("ip", "-n", self.outside, *words)
        project = "/v1/projects/default"
        cloud.segment(f"s{number}", prefix=f"2001:db8:1:{number}::/64")
        cloud.call("POST", f"{project}/gateways", {"name": f"g{number}", "spec": {
            "host": name, "segments": [f"s{number}"], "nat64": {"dns64": False},
            "uplink": {"type": "interface", "interface": "up1", "addresses": ["2001:db8:fffe::2/64"],
                       "nextHop": "2001:db8:fffe::1", "ipv4": {"address": "192.88.99.194/30", "nextHop": "192.88.99.193"}}}})
        cloud.call("POST", f"{project}/attachments", {"name": f"a{number}", "spec": {
            "segment": f"s{number}", "host": name, "mac": f"02:00:00:00:00:{number:02x}", "policies": ["allow-all"],
            "port": {"type": "namespace", "namespace": self.guest}}})
        self.address = f"2001:db8:1:{number}:0:ff:fe00:{number:x}"
        cloud.call("POST", f"{project}/mappings", {"name": f"m{number}", "spec": {"attachment": f"a{number}", "address": self.address}})
        cloud.agent(name, host, program=program)
        eventually(lambda: cloud.call("GET", f"{project}/gateways/g{number}")["status"].get("phase") == "wired", 60, "gateway")
        self.translator = cloud.call("GET", f"{project}/gateways/g{number}")["status"]["details"]["translator"]
        for target in ("64:ff9b::192.88.99.193", "2001:db8:fffe::1"):
            eventually(lambda: "1 received" in run("ip", "netns", "exec", self.guest, "ping", "-c1", "-W1", "-I", self.address,
                                                   target, check=False), 30, f"ping to {target}")

    def measure(self, target, flags):
        server = subprocess.Popen(["ip", "netns", "exec", self.outside, "iperf3", "-s", "-1"], stdout=subprocess.DEVNULL)
        try:
            eventually(lambda: "LISTEN" in run("ip", "netns", "exec", self.outside, "ss", "-Hltn", "sport = :5201"), what="iperf3")
            result = json.loads(run("ip", "netns", "exec", self.guest, "iperf3", "-J", "-B", self.address, "-c", target, "-t",
                                    SECONDS, *flags))["end"]
        finally:
            server.kill()
            server.wait()
        if "-u" in flags:
            return (result["sum"]["packets"] - result["sum"]["lost_packets"]) / result["sum"]["seconds"]
        return result["sum_received"]["bits_per_second"]


def nat64(rounds):
    run(ROOT / "tools" / "bpf", RELEASE)
    with Scene("nat64") as scene:
        bare = scene.folder / "bin"
        bare.mkdir()
        for name in ("kcd", "kc-nft"):
            shutil.copy(RELEASE / name, bare / name)
        cloud = Cloud(scene)
        cloud.call("POST", "/v1/pools", {"name": "outside", "spec": {"type": "ipv4", "prefix": "192.88.99.0/26"}})
        kernel, tayga = Side(scene, cloud, 1, RELEASE / "kcd"), Side(scene, cloud, 2, bare / "kcd")
        if (kernel.translator, tayga.translator) != ("kernel", "tayga"):
            raise RuntimeError(f"translators are {kernel.translator} and {tayga.translator}")
        ways = {"ours": (kernel, "64:ff9b::192.88.99.193"), "plain": (kernel, "2001:db8:fffe::1"),
                "tayga": (tayga, "64:ff9b::192.88.99.193")}
        found = {measure: {way: [] for way in ways} for measure in MEASURES}
        for number in range(rounds):
            for measure, flags in MEASURES.items():
                for way, (side, target) in ways.items():
                    found[measure][way].append(side.measure(target, flags))
            say(f"bench: nat64: round {number + 1}")
        # Its daemons outlive an agent.
        for side in ("1", "2"):
            cloud.call("DELETE", f"/v1/projects/default/gateways/g{side}")
            daemons = scene.folder / f"h{side}" / "daemons"
            eventually(lambda: not any(daemons.iterdir()), 30, "the end of the gateway's daemons")
    return compared("through a gateway", found, "plain IPv6 through it") + between_namespaces(rounds)


def compared(where, found, plain_way):
    """Rows of each measure of ours against the same without translation, and against tayga."""
    rows = []
    for measure, values in found.items():
        scale, unit = (1, "/s") if "packets" in measure else (1e9, " Gbit/s")
        ours, plain, theirs = ([value / scale for value in values[way]] for way in ("ours", "plain", "tayga"))
        bar = 1.7 if "packets" in measure else 12
        rows.append(ratio_row(f"NAT64 1:1 {where}, {measure} ÷ {plain_way}", "≥ 0.8", ours, plain,
                              lambda ratio: ratio >= 0.8, unit, rate=True))
        rows.append(ratio_row(f"NAT64 1:1 {where}, {measure} ÷ tayga", f"≥ {bar}", ours, theirs,
                              lambda ratio, bar=bar: ratio >= bar, unit, rate=True))
    return rows


def between_namespaces(rounds):
    """The translators alone: a guest, a router and an outside, without KC, guards and firewall."""
    found = json.loads(run(ROOT / "Benchmarks" / "nat64" / "run", rounds, 2, "json"))
    return compared("alone, between namespaces", {
        {"TCP 6 to 4": "TCP to IPv4", "TCP 4 to 6": "TCP from IPv4"}.get(measure, measure): {
            "ours" if way == "kernel" else way: [value * (1 if "packets" in measure else 1e9) for value in values]
            for way, values in ways.items()}
        for measure, ways in found.items()}, "plain IPv6 forwarding")
