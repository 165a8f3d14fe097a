"""What every benchmark shares: rounds, medians, spread, and the ends of processes it started."""
import dataclasses
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RELEASE = ROOT / ".build" / "release"


@dataclasses.dataclass
class Row:
    """One line of the table: a ratio with its bar, and what both sides measured."""

    what: str
    bar: str
    ratio: str
    met: bool | None
    ours: str
    theirs: str
    rounds: int


def spread(values):
    """Median and the distance between the quartiles as a share of it."""
    median = statistics.median(values)
    if len(values) < 4 or median == 0:
        low, high = min(values), max(values)
    else:
        quartiles = statistics.quantiles(values, n=4)
        low, high = quartiles[0], quartiles[2]
    return median, (high - low) / median if median else 0.0


def show(values, unit=""):
    median, width = spread(values)
    return f"{median:.4g}{unit} ±{width * 50:.0f}%"


def ratio_row(what, bar, ours, theirs, met, unit="", rate=False):
    """A row out of paired rounds: the median of ours ÷ theirs for rates, of theirs ÷ ours for times."""
    ratios = [(o / t if rate else t / o) for o, t in zip(ours, theirs)]
    median, width = spread(ratios)
    return Row(what, bar, f"{median:.2f} ±{width * 50:.0f}%", met(median), show(ours, unit), show(theirs, unit), len(ratios))


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(*command, check=True, **options):
    """Runs a command to its end and gives its output; what it printed is part of the error."""
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if check and result.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


class Scene:
    """Processes, namespaces and folders of one benchmark; all of it is gone at the end, also after a failure."""

    def __init__(self, name):
        self.name = f"kcbench-{name}-{os.getpid()}"
        self.processes = []
        self.namespaces = []
        self.folder = pathlib.Path(f"/tmp/{self.name}")

    def __enter__(self):
        self.folder.mkdir(parents=True)
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            self.end(process)
        # What agents supervise outlives them.
        for record in self.folder.glob("*/daemons/*/process.json"):
            try:
                os.kill(json.loads(record.read_text())["pid"], signal.SIGKILL)
            except ProcessLookupError:
                pass
        for namespace in self.namespaces:
            run("ip", "netns", "delete", namespace, check=False)
        run("rm", "-rf", self.folder)

    def start(self, *command, log=None, **options):
        target = open(self.folder / log, "wb") if log else subprocess.DEVNULL
        process = subprocess.Popen([str(word) for word in command], stdout=target, stderr=target, **options)
        self.processes.append(process)
        return process

    def start_reading(self, *command):
        """One whose lines are read as they come."""
        process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.processes.append(process)
        return process

    def end(self, process, how=signal.SIGTERM):
        if process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def namespace(self, name):
        full = f"{self.name}-{name}"
        run("ip", "netns", "add", full)
        self.namespaces.append(full)
        run("ip", "-n", full, "link", "set", "lo", "up")
        return full


def forget(namespace):
    """Each TCP stream of the namespace begins anew: what the one before it met on its way would slow those after it."""
    run("ip", "netns", "exec", namespace, "sysctl", "-qw", "net.ipv4.tcp_no_metrics_save=1")


def eventually(condition, seconds=30, what="condition"):
    """Polls until the condition holds and gives its value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise RuntimeError(f"{what}: not within {seconds} s")


def calm(seconds=180):
    """Waits until the kernel has taken down the namespaces of the round before: meanwhile it makes no device quickly."""
    name, deadline = f"kcbench-calm-{os.getpid()}", time.monotonic() + seconds
    while time.monotonic() < deadline:
        begin = time.monotonic()
        run("ip", "netns", "add", name)
        for index in range(10):
            run("ip", "-n", name, "link", "add", f"b{index}", "type", "bridge")
        run("ip", "netns", "delete", name)
        if time.monotonic() - begin < 0.2:
            return
    raise RuntimeError(f"the kernel did not calm down within {seconds} s")


def compile_floor(scene, name, *flags):
    """Compiles Benchmarks/floors/NAME.c with optimisation and gives the program's path."""
    program = scene.folder / name
    run("cc", "-O2", "-o", program, ROOT / "Benchmarks" / "floors" / f"{name}.c", *flags)
    return program
