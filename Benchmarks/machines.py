"""VMs on compute hosts: how long one takes from its acceptance to its start, beside libvirt's and QEMU's own commands; and
what a restart of the compute plugin does to a thousand of them."""
import re
import signal
import threading
import time

from cloud import Cloud, UnixConnection
from hypervisor import Compute, ComputeHost, Events, compute_socket
from measure import Row, Scene, eventually, ratio_row, run, say, show

WARM = 2
TURNS = 3


def by_hand(host, namespace, model, number):
    """`qemu-img create` of the overlay and `virsh create` of the same domain; the milliseconds of both, and the domain."""
    name, device = f"by-hand-{number}", f"tap{number}"
    run("ip", "-n", namespace, "tuntap", "add", "dev", device, "mode", "tap", "vnet_hdr")
    run("ip", "-n", namespace, "link", "set", device, "up")
    xml, vm = model
    disk = host.state / "disks" / f"{name}.qcow2"
    overlay = re.search(rf"[^']*/disks/{vm}\.\d+\.qcow2", xml)[0]
    image = re.search(r"[^']*/images/[^']*\.image", xml)[0]
    file = host.compute.scene.folder / f"{name}.xml"
    file.write_text(
        re.sub(r"<target dev='kct[^']*'", f"<target dev='{device}'", re.sub(r"<uuid>.*</uuid>", "", xml))
        .replace(f"<name>kc-{vm}</name>", f"<name>{name}</name>").replace(overlay, str(disk))
        .replace(f"consoles/{vm}.log", f"consoles/{name}.log"))
    begin = time.time()
    run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", image, disk, "1G")
    host.libvirtd.virsh("create", file)
    milliseconds = (time.time() - begin) * 1000
    host.libvirtd.virsh("destroy", name)
    run("ip", "-n", namespace, "link", "delete", device)
    return milliseconds


def by_us(host, events, number):
    """From the answer to the request until libvirt says that it is started, and until the API says that it runs."""
    name = f"m{number}"
    compute = host.compute
    compute.cloud.attachment(name, "blue", host.host)
    eventually(lambda: compute.cloud.call("GET", f"/v1/projects/default/attachments/{name}")["status"].get("phase") == "wired",
               what=f"{name} wired")
    asked = time.time()
    vm = compute.create(name, [{"attachment": name}])["id"]
    accepted = time.time()
    started = eventually(lambda: events.of(f"kc-{vm}", "Started"), what=f"{name} started")
    shown = eventually(lambda: compute.machine(name)["status"]["state"] == "running" and time.time(), what=f"{name} running")
    return [(at - accepted) * 1000 for at in (started, shown, asked)], vm


def machines(rounds):
    ours, theirs, shown, asked = [], [], [], []
    with Scene("machines") as scene:
        cloud = Cloud(scene, "--compute-socket", compute_socket(scene))
        namespace = cloud.host("h1", "fd00:a::1")
        cloud.agent("h1", namespace)
        cloud.segment("blue")
        compute = Compute(scene, cloud)
        host = ComputeHost(compute, "h1", namespace)
        try:
            compute.offer(64)
            events = Events(scene, host.libvirtd)
            for number in range(WARM + rounds * TURNS):
                times, vm = by_us(host, events, number)
                model = (host.libvirtd.virsh("dumpxml", "--inactive", f"kc-{vm}"), vm)
                host.stop(f"m{number}")
                hand = by_hand(host, namespace, model, number)
                compute.call("DELETE", f"projects/default/vms/m{number}")
                eventually(lambda: f"kc-{vm}" not in host.libvirtd.virsh("list", "--all", "--name"), what="its removal")
                say(f"  {times[0]:.0f} ms to the start, {times[1]:.0f} ms to `running` ({-times[2]:.0f} ms to the answer); by hand {hand:.0f} ms")
                if number >= WARM:
                    for values, value in ((ours, times[0]), (shown, times[1]), (asked, -times[2]), (theirs, hand)):
                        values.append(value)
        finally:
            host.close()
    row = ratio_row("VM create accepted → domain started (image local, attachment wired; one warm host, by emulation), ÷ `virsh create` of"
                    " the same domain plus its overlay's `qemu-img create`, ms", "≤ 1.2", theirs, ours, lambda ratio: ratio <= 1.2, " ms")
    row.ours, row.theirs = row.theirs, row.ours
    return [row, Row("the same, until the API shows it running; the answer to its creation alone, ms", "reported", "", None,
                     f"{show(shown, ' ms')}; {show(asked, ' ms')}", "", len(ours))]


HOSTS = 5
RECORDS = 1000
# As many as the machine bears beside each other; the others are defined and off, with their disks.
RUNNING = 60
# The agents look at everything once in ten seconds, and whenever libvirt says something.
SETTLING = 11


def create_all(compute, wanted):
    """VMs by name and power, from 8 connections."""

    def work(offset):
        connection = UnixConnection(compute.cloud.socket)
        for name, power in wanted[offset::8]:
            compute.create(name, [{"segment": "blue"}], power, connection)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def standing(host):
    """All by which a domain would show that it was touched: its process, its definition, its disk and seed."""
    files = [*(host.libvirtd.folder / "etc" / "qemu").glob("*.xml"), *(host.state / "disks").iterdir()]
    found = {str(file): (file.stat().st_ino, file.stat().st_mtime_ns) for file in files}
    for domain, pid in host.libvirtd.guests().items():
        found[domain] = (pid, open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[19])
    return found


def restart(compute, hosts, events, names, how):
    """Ends `kc-compute` everywhere and starts it again; meanwhile one VM of each host is ordered to start.

    Gives the seconds from the start until all these run, and the domains that were touched beside them.
    """
    chosen = [f"kc-{compute.machine(name)['id']}" for name in names]
    before, known = [standing(host) for host in hosts], [len(each.said) for each in events]
    for host in hosts:
        compute.scene.end(host.process, how)
    for name in names:
        compute.call("POST", f"projects/default/vms/{name}/start")
    compute.scene.end(compute.process, how)
    begin = time.time()
    compute.start()
    for host in hosts:
        host.start()

    def started():
        at = [at for each, count in zip(events, known) for at, domain, text in each.said[count:] if domain in chosen and "Started" in text]
        return len(at) == len(chosen) and at

    seconds = max(eventually(started, 120, "what was ordered meanwhile is done")) - begin
    time.sleep(SETTLING)
    touched = {domain for each, count in zip(events, known) for _, domain, _ in each.said[count:]}
    for host, old in zip(hosts, before):
        new = standing(host)
        touched |= {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
    return seconds, {key for key in touched if not any(domain.removeprefix("kc-") in key for domain in chosen)}


def restarts(rounds):
    times, touched = [], set()
    with Scene("restarts") as scene:
        cloud = Cloud(scene, "--compute-socket", compute_socket(scene))
        cloud.segment("blue")
        compute, hosts = Compute(scene, cloud), []
        try:
            # As a host with a terabyte of disk; what is written there is little.
            (scene.folder / "compute-hosts").mkdir(mode=0o711)
            run("mount", "-t", "tmpfs", "-o", "size=1T", "none", scene.folder / "compute-hosts")
            for index in range(HOSTS):
                name = f"h{index}"
                namespace = cloud.host(name, f"fd00:a::{index + 1}")
                cloud.agent(name, namespace)
                hosts.append(ComputeHost(compute, name, namespace, state=scene.folder / "compute-hosts" / name))
            compute.offer(64)
            create_all(compute, [(f"m{index}", "on" if index < RUNNING else "off") for index in range(RECORDS)])
            events = [Events(scene, host.libvirtd) for host in hosts]

            def complete():
                domains = sum(len(host.libvirtd.virsh("list", "--all", "--name").split()) for host in hosts)
                return domains == RECORDS and sum(len(host.libvirtd.guests()) for host in hosts) == RUNNING

            eventually(complete, 600, f"{RECORDS} domains")
            say(f"  {RECORDS} VMs on {HOSTS} hosts, of which {RUNNING} run")
            for number in range(rounds):
                how = signal.SIGKILL if number % 2 else signal.SIGTERM
                off = [vm for vm in compute.machines() if vm["status"]["state"] == "stopped"]
                names = [next(vm["name"] for vm in off if vm["status"]["host"] == host.host) for host in hosts]
                seconds, found = restart(compute, hosts, events, names, how)
                times.append(seconds)
                touched |= found
                say(f"  {how.name}: {seconds:.2f} s until what was ordered meanwhile is done; touched beside it: {len(found)} {sorted(found)[:3]}")
                for host, name in zip(hosts, names):
                    host.stop(name)
        finally:
            for host in hosts:
                host.close()
            scene.end(compute.process)
            run("umount", scene.folder / "compute-hosts", check=False)
    return [
        Row(f"{RECORDS} VMs on {HOSTS} hosts ({RUNNING} of them run), `kc-compute` ended and started again everywhere: domains that were touched",
            "none", "", not touched, f"{len(touched)}", "", rounds),
        Row("the same: from that start until an order that each host was given meanwhile is done (a VM started, by emulation)", "reported", "",
            None, show(times, " s"), "", rounds),
    ]
