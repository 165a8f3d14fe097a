"""Control plane: attachment latency, bulk apply, reads, memory; OVN beside it."""
import json
import statistics
import threading
import time

from cloud import Cloud, UnixConnection, Watch
from measure import RELEASE, ROOT, Row, Scene, compile_floor, eventually, ratio_row, run, say, show, spread
from ovn import OVN

SEGMENTS = 4


def fill(cloud, first, count, host):
    """Creates attachments from 16 connections and waits until all are wired."""

    def work(offset):
        connection = UnixConnection(cloud.socket)
        for index in range(first + offset, first + count, 16):
            cloud.attachment(f"a{index}", f"s{index % SEGMENTS}", host, connection)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    eventually(lambda: cloud.wired() == first + count, seconds=300, what=f"{first + count} attachments wired")


def latency(cloud, first, count, host):
    """Milliseconds from the client's request to `wired` at the client, one by one."""
    watch, times = Watch(cloud), []
    for index in range(first, first + count):
        name = f"a{index}"
        begin = time.monotonic()
        cloud.attachment(name, f"s{index % SEGMENTS}", host)
        watch.until(lambda event, data: event == "put" and data["name"] == name and data["status"].get("phase") == "wired")
        times.append((time.monotonic() - begin) * 1000)
    return times


def resident(process):
    """Resident memory of a process, or of its only child where it was started through `ip netns exec` (same pid)."""
    for line in open(f"/proc/{process.pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024


def attachments(rounds):
    """Latency at 100 and 3,000 attachments, memory of the agent, the kernel's own share, and OVN at 3,000."""
    few, many, ratios, ovn_one, memory = [], [], [], [], []
    kernel_few, kernel_many, beyond = [], [], []
    for number in range(rounds):
        with Scene("attach") as scene:
            cloud = Cloud(scene)
            namespace = cloud.host("h1", "fd00:a::1")
            agent = cloud.agent("h1", namespace)
            for index in range(SEGMENTS):
                cloud.segment(f"s{index}")
            fill(cloud, 0, 100, "h1")
            few.append(statistics.median(latency(cloud, 100, 50, "h1")))
            fill(cloud, 150, 50, "h1")
            memory.append(resident(agent))
            fill(cloud, 200, 2800, "h1")
            many.append(statistics.median(latency(cloud, 3000, 50, "h1")))
            ratios.append(many[-1] / few[-1])
        with Scene("ports") as scene:
            program = compile_floor(scene, "ports")
            for ports, times in ((100, kernel_few), (3000, kernel_many)):
                bare = scene.namespace(f"bare{ports}")
                times.append(json.loads(run("ip", "netns", "exec", bare, program, ports, 50))["milliseconds"])
            beyond.append((many[-1] - kernel_many[-1]) / (few[-1] - kernel_few[-1]))
        with Scene("ovn") as scene:
            ovn = OVN(scene)
            try:
                ovn.add_switches(SEGMENTS)
                ovn.fill(0, 3000, SEGMENTS)
                ovn_one.append(ovn.median_add(3000, 20, SEGMENTS))
            finally:
                ovn.close()
        say(f"  round {number + 1}: {few[-1]:.1f} ms at 100, {many[-1]:.1f} ms at 3,000, OVN {ovn_one[-1]:.0f} ms")
    return [
        Row("attachment, request to wired, 100 on the host", "≤ 15 ms", "", spread(few)[0] <= 15, show(few, " ms"), "", rounds),
        Row("the same with 3,000 on the host", "≤ 15 ms", "", spread(many)[0] <= 15, show(many, " ms"), "", rounds),
        Row("3,000 ÷ 100", "≤ 1.15", show(ratios), spread(ratios)[0] <= 1.15, show(many, " ms"), show(few, " ms"), rounds),
        Row("the same without the kernel's own time for it", "reported", show(beyond), None, show(many, " ms"), show(few, " ms"), rounds),
        ratio_row("one port more in bare C, 3,000 ÷ 100", "reported", kernel_many, kernel_few, lambda ratio: None, " ms", rate=True),
        ratio_row("OVN 23.03, one port at 3,000 ÷ ours", "≥ 20", many, ovn_one, lambda ratio: ratio >= 20, " ms"),
        Row("resident memory of kcd node, 200 attachments", "≤ 60 MB", "", max(memory) <= 60, show(memory, " MB"), "", rounds),
    ]


def apply(cloud, first, count):
    """Attachments a second of one `kcnet apply -f` of so many, from its start to its end."""
    document = "\n---\n".join(
        json.dumps({"kind": "attachment", "name": f"a{index}", "project": "default",
                    "spec": {"segment": f"s{index % SEGMENTS}", "host": "h1"}}) for index in range(first, first + count))
    path = cloud.scene.folder / "bulk.yaml"
    path.write_text(document)
    begin = time.monotonic()
    run(RELEASE / "kcnet", "apply", "-f", path, "--api", f"unix:{cloud.socket}")
    return count / (time.monotonic() - begin)


def apply_rate(present):
    """Attachments a second of 1,000 more beside those that are present."""
    with Scene("bulk") as scene:
        cloud = Cloud(scene)
        cloud.host("h1", "fd00:a::1")
        for index in range(SEGMENTS):
            cloud.segment(f"s{index}")
        if present:
            apply(cloud, 0, present)
        return apply(cloud, present, 1000)


def ovn_rate(present, batch):
    """Ports a second of OVN for 1,000 more, in transactions of `batch`, each waiting for the southbound database."""
    with Scene(f"ovn-{batch}") as scene:
        ovn = OVN(scene)
        try:
            ovn.add_switches(SEGMENTS)
            if present:
                ovn.fill(0, present, SEGMENTS, 1000)
            return 1000 / ovn.fill(present, 1000, SEGMENTS, batch)
        finally:
            ovn.close()


def bulk(rounds):
    """1,000 attachments at once against OVN, which gets them both in hundreds and all in one transaction; from none, and
    with 3,000 there already: OVN's time for one grows with those that are there."""
    rows = []
    for present, what in ((0, "1,000 attachments by apply -f"), (3000, "1,000 attachments beside 3,000 by apply -f")):
        ours, hundreds, whole = [], [], []
        for number in range(rounds):
            ours.append(apply_rate(present))
            hundreds.append(ovn_rate(present, 100))
            whole.append(ovn_rate(present, 1000))
            say(f"  round {number + 1}: {ours[-1]:.0f}/s beside {present}, OVN {hundreds[-1]:.0f}/s by hundreds, "
                f"{whole[-1]:.0f}/s in one transaction")
        rows += [
            ratio_row(f"{what} ÷ OVN, 100 ports a transaction", "≥ 10", ours, hundreds, lambda ratio: ratio >= 10, "/s", rate=True),
            ratio_row("the same ÷ OVN, 1,000 ports in one transaction", "reported", ours, whole, lambda ratio: None, "/s", rate=True),
        ]
    return rows
