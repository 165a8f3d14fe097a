"""Many segments that only advertise their prefix, each with a gateway of its own, on one host."""
import pathlib
import time

from cloud import Cloud
from fabric import in_sync
from measure import RELEASE, Row, Scene, calm, eventually, run, say, show

SEGMENTS = 500


KERNEL = {"SUnreclaim", "KernelStack", "PageTables", "Percpu"}


def kernel_memory():
    """MiB that the kernel itself holds and cannot give back; what other programs of the machine use is not in it."""
    lines = [line.split(":") for line in pathlib.Path("/proc/meminfo").read_text().splitlines()]
    return sum(int(rest.split()[0]) for name, rest in lines if name in KERNEL) / 1024


def own_memory(scene, program):
    """(how many command lines, MiB that they alone hold) of the processes of that program in the scene's folder."""
    lines, total = set(), 0
    for process in pathlib.Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            line = (process / "cmdline").read_bytes()
            if str(scene.folder).encode() not in line or (process / "comm").read_text().strip() != program:
                continue
            sizes = dict(line.split(":") for line in (process / "smaps_rollup").read_text().splitlines()[1:])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
        lines.add(line)
        total += sum(int(sizes[name].split()[0]) for name in ("Private_Clean", "Private_Dirty")) / 1024
    return len(lines), total


def advertised(rounds):
    took, each = [], []
    for number in range(max(1, rounds // 5)):
        calm()
        with Scene("advertised") as scene:
            cloud = Cloud(scene)
            namespace = cloud.host("h1", "fd00:a::1")
            for index in range(SEGMENTS):
                cloud.segment(f"s{index}", ipam="automatic")
                cloud.call("POST", "/v1/projects/default/gateways", {"name": f"g{index}", "spec": {"host": "h1", "segments": [f"s{index}"]}})
            before, begin = kernel_memory(), time.monotonic()
            agent = cloud.agent("h1", namespace)
            eventually(lambda: in_sync(scene, "h1", SEGMENTS), 600, "h1 in sync")
            eventually(lambda: own_memory(scene, "radvd")[0] >= SEGMENTS, 300, "all advertise")
            took.append(time.monotonic() - begin)
            radvd, kcd = own_memory(scene, "radvd")[1], own_memory(scene, "kcd")[1]
            kernel = kernel_memory() - before
            each.append((kernel + kcd) / SEGMENTS)
            say(f"  round {number + 1}: {took[-1]:.1f} s; {kernel:.0f} MiB the kernel's, {kcd:.0f} of the agent and the API, {radvd:.0f} radvd's")
            # The gateways' namespaces outlive the agent.
            scene.end(agent)
            folder = scene.folder / "h1"
            run("ip", "netns", "exec", namespace, RELEASE / "kcd", "node", "--remove", "--host", "h1", "--state-dir", folder, "--run-dir", folder)
    median = sorted(each)[len(each) // 2]
    return [
        Row(f"{SEGMENTS} segments with a gateway each, from the agent's start until all advertise", "reported", "", None, show(took, " s"), "", len(took)),
        Row("memory for each of them, beyond radvd", "≤ 3 MB", "", median <= 3, show(each, " MiB"), "", len(each)),
    ]
