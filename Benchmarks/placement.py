"""How many VMs a second the scheduler places, bookkeeping included, and how near the best packing it comes."""
import json
import subprocess

from measure import RELEASE, Row, Scene, say, spread


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


def placement(rounds, vms=100_000):
    rates = {5_000: [], 10_000: []}
    churns = {5_000: [], 10_000: []}
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
                        "ganeti-htools: not measured", rounds))
        rows.append(Row(f"one VM away and one placed, {hosts:,} hosts with {vms:,} VMs, a second", "≥ 10,000", "",
                        min(churns[hosts]) >= 10_000, said(churns[hosts]), "", rounds))
    if sums:
        together, alone, best = sums
        rows.append(Row("hosts in use ÷ the best packing (HiGHS), 40 cases of 8 to 16 VMs placed together", "≤ 1.02", f"{together / best:.3f}",
                        together <= 1.02 * best, str(together), str(best), 1))
        rows.append(Row("the same, each VM placed without knowing the next", "reported", f"{alone / best:.3f}", None, str(alone), str(best), 1))
    return rows
