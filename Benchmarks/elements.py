"""One more guarded port on a host with 10,000, and a policy that 1,000 ports share: the agent's packet filter, libnftables,
nft, and a bare C netlink loop, with the same elements in the same tables."""
import json
import statistics
import subprocess
import time

from measure import RELEASE, Row, Scene, compile_floor, ratio_row, run, say, show, spread

PORTS, SEGMENTS, EXTRA, SHARED = 10_000, 20, 50, 1000


class Bench:
    """GuardBench in a namespace of its own, asked line by line."""

    def __init__(self, scene, ports, segments, extra, shared):
        self.namespace, self.folder = scene.namespace(f"p{ports}"), scene.folder / f"p{ports}"
        self.folder.mkdir()
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", self.namespace, RELEASE / "GuardBench", str(ports), str(segments), str(extra), str(shared), self.folder],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        scene.processes.append(self.process)
        self.facts = json.loads(self.process.stdout.readline())

    def ask(self, what):
        """Milliseconds of each of its turns."""
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return [value / 1000 for value in json.loads(self.process.stdout.readline())["microseconds"]]

    def other(self, program, file):
        return [value / 1000 for value in json.loads(run("ip", "netns", "exec", self.namespace, program, self.folder / file))["microseconds"]]

    def nft(self, file):
        begin = time.monotonic()
        run("ip", "netns", "exec", self.namespace, "nft", "-f", self.folder / file)
        return (time.monotonic() - begin) * 1000


def elements(rounds):
    port, floor, json_port, policy, nft = [], [], [], [], []
    with Scene("elements") as scene:
        bare, libnftables = compile_floor(scene, "elements", "-lmnl"), compile_floor(scene, "libnftables", "-lnftables")
        bench = Bench(scene, PORTS, SEGMENTS, EXTRA, SHARED)
        say(f"  {bench.facts['ports']} ports, {bench.facts['elements']} elements each; the policy's change has {bench.facts['changed']}")
        bench.ask("ports")
        bench.other(bare, "port.txt")
        for number in range(rounds):
            port.append(statistics.median(bench.ask("ports")))
            floor.append(statistics.median(bench.other(bare, "port.txt")))
            json_port.append(statistics.median(bench.other(libnftables, "port.json")))
            policy.append(statistics.median(bench.ask("policy")))
            nft.append(statistics.median([bench.nft("forth.nft"), bench.nft("back.nft")]))
            say(f"  round {number + 1}: one port {port[-1]:.3f} ms, bare C {floor[-1]:.3f} ms, libnftables {json_port[-1]:.2f} ms;"
                f" policy {policy[-1]:.2f} ms, nft -f {nft[-1]:.1f} ms")
    return [
        ratio_row(f"one more guarded port at {PORTS:,}: libnftables' JSON ÷ ours", "≥ 20", port, json_port, lambda r: r >= 20, " ms"),
        ratio_row("the same: ours ÷ bare C netlink loop", "≤ 2", port, floor, lambda r: r <= 2, " ms", rate=True),
        ratio_row(f"a policy of {SHARED:,} ports changed ÷ one nft -f of the same elements", "≤ 2", policy, nft, lambda r: r <= 2, " ms", rate=True),
    ]
