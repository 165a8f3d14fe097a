"""From the creation of an attachment to its name resolving, with other names there."""
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

from cloud import Cloud, UnixConnection
from measure import Row, Scene, calm, eventually, say, spread

NAMES = 5000
SAMPLES = 20


def resolver(scene, namespace, server):
    """A process in the namespace that is given names and says when each was first answered."""
    return subprocess.Popen(
        ["ip", "netns", "exec", namespace, sys.executable, str(pathlib.Path(__file__).with_name("resolve.py")), server],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def names(rounds):
    took = []
    calm()
    with Scene("names") as scene:
        cloud = Cloud(scene)
        namespace = cloud.host("h1", "fd00:a::1")
        cloud.call("PUT", "/v1/hosts/h1", {"name": "h1", "spec": {"vtep": "fd00:a::1", "interface": "u0", "roles": ["gateway", "dns"]}})
        cloud.call("POST", "/v1/zones", {"name": "cloud", "spec": {"domain": "cloud.example", "attachments": True}})
        cloud.call("POST", "/v1/zones", {"name": "back", "spec": {"domain": "d.f.ip6.arpa", "attachments": True}})
        for index in range(0, NAMES, 500):
            cloud.segment(f"s{index}", ipam="manual")

        def work(offset):
            connection = UnixConnection(cloud.socket)
            for index in range(offset, NAMES, 16):
                body = {"name": f"a{index}", "spec": {"segment": f"s{index // 500 * 500}"}}
                cloud.call("POST", "/v1/projects/default/attachments", body, connection)

        threads = [threading.Thread(target=work, args=(offset,)) for offset in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        cloud.segment("late", ipam="manual")
        agent = cloud.agent("h1", namespace)
        eventually(lambda: cloud.call("GET", "/v1/zones/cloud")["status"]["phase"] == "wired", 120, "the zone is served")
        asking = resolver(scene, namespace, "fd00:a::1")
        try:
            for number in range(rounds * SAMPLES):
                begin = time.monotonic()
                cloud.call("POST", "/v1/projects/default/attachments", {"name": f"n{number}", "spec": {"segment": "late"}})
                asking.stdin.write(f"n{number}.late.default.cloud.example\n")
                asking.stdin.flush()
                took.append((float(asking.stdout.readline()) - begin) * 1000)
        finally:
            asking.kill()
            asking.wait()
            # The name server outlives its agent.
            scene.end(agent)
            os.kill(int((scene.folder / "h1" / "daemons" / "knot" / "pid").read_text()), signal.SIGTERM)
    took.sort()
    say(f"  {len(took)} names: median {took[len(took) // 2]:.0f} ms, 99 % {took[int(len(took) * 0.99)]:.0f} ms, longest {took[-1]:.0f} ms")
    median, width = spread(took)
    return [
        Row(f"attachment created to its name resolving, beside {NAMES} signed names both ways (longest)", "≤ 1 s", "",
            took[-1] <= 1000, f"{median:.0f} ms ±{width * 50:.0f}%, longest {took[-1]:.0f} ms", "", rounds)
    ]
