"""A VM's root disk over images of 1 and 10 GiB, as a file and as a clone in Ceph: time, and bytes that it takes."""
import json
import os
import time

from measure import RELEASE, ROOT, Row, Scene, run, say, spread

DATA_MIB = 256


def bytes_of(disk, ceph):
    if ceph:
        usage = json.loads(run("rbd", "-c", ceph, "-p", "kc", "du", "--format", "json", disk))
        return usage["images"][0]["used_size"]
    return os.stat(disk).st_blocks * 512


def overlay(folder, gib, count):
    """What the same costs by hand: qemu-img create of an overlay."""
    image = folder / f"by-hand-{gib}.raw"
    run("truncate", "-s", f"{gib}G", image)
    seconds = []
    for number in range(count):
        begin = time.monotonic()
        run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", image, folder / f"by-hand-{gib}-{number}.qcow2", f"{gib + 1}G")
        seconds.append(time.monotonic() - begin)
    return seconds


def clone(ceph, gib, count):
    """The same of Ceph by its own command."""
    image = f"kc/hand-{gib}"
    run("rbd", "-c", ceph, "create", image, "--size", f"{gib}G")
    run("rbd", "-c", ceph, "snap", "create", "--no-progress", f"{image}@s")
    run("rbd", "-c", ceph, "snap", "protect", f"{image}@s")
    seconds = []
    for number in range(count):
        begin = time.monotonic()
        run("rbd", "-c", ceph, "clone", f"{image}@s", f"{image}-{number}")
        run("rbd", "-c", ceph, "resize", "--no-progress", "--size", f"{gib + 1}G", f"{image}-{number}")
        seconds.append(time.monotonic() - begin)
    return seconds


def disks(rounds):
    rows = []
    with Scene("disks") as scene:
        ceph = scene.folder / "ceph"
        try:
            run(ROOT / "tools" / "tiny-ceph", "up", ceph)
            for where, conf, peer in [("in a directory", None, overlay), ("in Ceph", str(ceph / "ceph.conf"), clone)]:
                medians = {}
                for gib in (1, 10):
                    root = scene.folder / f"{gib}-{'ceph' if conf else 'files'}"
                    root.mkdir(mode=0o711)
                    result = json.loads(run(RELEASE / "DiskBench", root, gib, DATA_MIB, rounds, *([conf] if conf else [])))
                    theirs = peer(conf if conf else root, gib, rounds)
                    size = max(bytes_of(disk, conf) for disk in result["disks"])
                    median, width = spread(result["seconds"])
                    medians[gib] = median
                    say(f"  {where}, {gib} GiB: {result['seconds']} s, {size} bytes; by hand {theirs} s")
                    rows.append(Row(f"root disk from an image of {gib} GiB ({DATA_MIB} MiB of data) {where}: seconds; bytes that it takes",
                                    "≤ 1 s, no copy", f"{size:,} bytes", max(result["seconds"]) <= 1 and size < 16 << 20,
                                    f"{median:.3f} ±{width * 50:.0f}%", f"{spread(theirs)[0]:.3f}", rounds))
                rows.append(Row(f"the same, 10 GiB ÷ 1 GiB {where}", "flat: ≤ 1.5", f"{medians[10] / medians[1]:.2f}",
                                medians[10] <= 1.5 * medians[1], "", "", rounds))
        finally:
            run(ROOT / "tools" / "tiny-ceph", "down", ceph)
    return rows
