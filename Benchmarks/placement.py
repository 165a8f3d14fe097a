"""How many VMs a second the scheduler places, bookkeeping included, and how near the best packing it comes."""
import json
import shutil
import subprocess
import time

from measure import RELEASE, Row, Scene, say, spread

# What hspace is asked for: its work for one VM grows with the square of the hosts (every host is tried, and the whole cluster
# scored for each), so that 5,000 hosts are out of its reach: 50 VMs on 400 took 38 s.
HTOOLS_HOSTS = 100


def best_packing(hosts, vms):
    """The least number of hosts that hold all VMs, by HiGHS (scipy.optimize.milp); None when they do not fit."""
    import numpy
    from scipy.optimize import Bounds, LinearConstraint, milp

    count, many = len(hosts), len(vms)
    # Variables: whether host h is used, then whether VM v is on host h.
    size = count + many * count
    rows, low, high = [], [], []
    for v in range(many):
        row = numpy.zeros(size)
        row[count + v * count:count + (v + 1) * count] = 1
        rows, low, high = rows + [row], low + [1], high + [1]
    for h, host in enumerate(hosts):
        for kind in range(3):
            row = numpy.zeros(size)
            row[h] = -host[kind]
            for v, vm in enumerate(vms):
                row[count + v * count + h] = vm[kind]
            rows, low, high = rows + [row], low + [-numpy.inf], high + [0]
    cost = numpy.concatenate([numpy.ones(count), numpy.zeros(many * count)])
    result = milp(cost, constraints=LinearConstraint(numpy.array(rows), low, high), integrality=numpy.ones(size), bounds=Bounds(0, 1),
                  options={"time_limit": 60})
    return round(result.fun) if result.success else None


def packing(process, count, seed):
    """Hosts in use of all cases together: placed together, one by one, and at best."""
    process.stdin.write(f"cases {count} {seed}\n")
    process.stdin.flush()
    sums = [0, 0, 0]
    for _ in range(count):
        case = json.loads(process.stdout.readline())
        best = best_packing(case["hosts"], case["vms"])
        if best is None or case["togetherPlaced"] != len(case["vms"]) or case["alonePlaced"] != len(case["vms"]):
            raise RuntimeError(f"not all VMs have a place, or the solver gave up: {case}")
        sums = [sums[0] + case["together"], sums[1] + case["alone"], sums[2] + best]
    return sums


def htools():
    """VMs a second that ganeti-htools places on HTOOLS_HOSTS hosts: what 100 more take, so that its start does not count."""
    def seconds(vms):
        begin = time.monotonic()
        spec = "20480,2048,1"
        result = subprocess.run(
            ["hspace", f"--simulate=preferred,{HTOOLS_HOSTS},2000000,131072,32", "--disk-template=plain", "--max-cpu=4", "--machine-readable",
             f"--standard-alloc={spec}", f"--tiered-alloc={spec}", f"--max-length={vms}"],
            check=True, capture_output=True, text=True, timeout=120)
        if f"HTS_FIN_INST_CNT={vms}\n" not in result.stdout:
            raise RuntimeError(f"hspace did not place {vms} VMs: {result.stdout[-500:]}")
        return time.monotonic() - begin

    # It places them twice, tiered and standard.
    return 2 * 100 / (seconds(150) - seconds(50))


def placement(rounds, vms=100_000):
    rates = {5_000: [], 10_000: []}
    churns = {5_000: [], 10_000: []}
    peer = []
    if not shutil.which("hspace"):
        say("  no hspace here (Debian: ganeti-htools): it is not compared")
    with Scene("placement") as scene:
        process = subprocess.Popen([RELEASE / "PlacementBench"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        scene.processes.append(process)
        for number in range(rounds):
            for hosts in rates:
                process.stdin.write(f"place {hosts} {vms} {number + 1}\n")
                process.stdin.flush()
                result = json.loads(process.stdout.readline())
                rates[hosts].append(result["perSecond"])
                churns[hosts].append(result["churn"])
                say(f"  round {number + 1}, {hosts:,} hosts: {result}")
            if shutil.which("hspace"):
                peer.append(htools())
                say(f"  round {number + 1}, hspace, {HTOOLS_HOSTS} hosts: {peer[-1]:.1f}/s")
        try:
            sums = packing(process, 40, 1)
        except ImportError:
            say("  no scipy here: the best packing is not computed")
            sums = None

    def said(values):
        median, width = spread(values)
        return f"{median:,.0f} ± {median * width / 2:,.0f}"

    rows = []
    for hosts in rates:
        rows.append(Row(f"{vms:,} VMs placed on {hosts:,} hosts, a second", "≥ 10,000", "", min(rates[hosts]) >= 10_000, said(rates[hosts]),
                        "", rounds))
        if peer:
            ratio = [ours / theirs for ours, theirs in zip(rates[hosts], peer)]
            rows.append(Row(f"the same ÷ ganeti-htools on {HTOOLS_HOSTS} hosts", "≥ 20", f"{spread(ratio)[0]:,.0f}", min(ratio) >= 20,
                            said(rates[hosts]), f"{spread(peer)[0]:.1f} ± {spread(peer)[0] * spread(peer)[1] / 2:.1f}", rounds))
        rows.append(Row(f"one VM away and one placed, {hosts:,} hosts with {vms:,} VMs, a second", "≥ 10,000", "",
                        min(churns[hosts]) >= 10_000, said(churns[hosts]), "", rounds))
    if sums:
        together, alone, best = sums
        rows.append(Row("hosts in use ÷ the best packing (HiGHS), 40 cases of 8 to 16 VMs placed together", "≤ 1.02", f"{together / best:.3f}",
                        together <= 1.02 * best, str(together), str(best), 1))
        rows.append(Row("the same, each VM placed without knowing the next", "reported", f"{alone / best:.3f}", None, str(alone), str(best), 1))
    return rows
